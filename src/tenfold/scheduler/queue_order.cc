#include "tenfold/scheduler/queue_order.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace tenfold::scheduler {
namespace {

using Tokens = std::span<const TokenId>;
using Indices = std::span<size_t>;

size_t CommonLength(Tokens a, Tokens b, size_t begin) {
  const size_t end = std::min(a.size(), b.size());
  const auto from = static_cast<ptrdiff_t>(begin);
  return static_cast<size_t>(
      std::mismatch(a.begin() + from, a.begin() + static_cast<ptrdiff_t>(end), b.begin() + from).first - a.begin());
}

// Sorts prompts into the order of a walk through their tree.
class DepthFirst {
 public:
  explicit DepthFirst(std::span<const QueuedPrompt> prompts) : prompts_(prompts) {}

  void Sort(Indices order) {
    // In the order of their tokens, every subtree is one range.
    std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) {
      const cache::PrefixKey& x = prompts_[a].key;
      const cache::PrefixKey& y = prompts_[b].key;
      if (x.space != y.space) return x.space < y.space;
      return std::lexicographical_compare(x.tokens.begin(), x.tokens.end(), y.tokens.begin(), y.tokens.end());
    });
    SortBranches(
        order, [this](size_t a, size_t b) { return prompts_[a].key.space == prompts_[b].key.space; }, 0);
  }

 private:
  Tokens TokensOf(size_t index) const { return prompts_[index].key.tokens; }

  // All in `range` have their first `depth` tokens in common.
  void SortSubtree(Indices range, size_t depth) {
    if (range.size() == 1) return;
    depth = CommonLength(TokensOf(range.front()), TokensOf(range.back()), depth);
    // A prompt that ends here stands first, alone in its branch.
    const auto same_branch = [this, depth](size_t a, size_t b) {
      const Tokens x = TokensOf(a), y = TokensOf(b);
      if (x.size() == depth || y.size() == depth) return x.size() == y.size();
      return x[depth] == y[depth];
    };
    if (same_branch(range.front(), range.back())) return SortByArrival(range);  // they are all the same
    SortBranches(range, same_branch, depth);
  }

  struct Branch {
    bool is_cached = false;  // beyond the point where the branches part
    size_t earliest;
    std::vector<size_t> order;
  };
  static bool Before(const Branch& a, const Branch& b) {
    return std::tuple(!a.is_cached, b.order.size(), a.earliest) < std::tuple(!b.is_cached, a.order.size(), b.earliest);
  }

  // Cuts `range` where `same_branch` says so, sorts each branch, and puts them into order.
  template <class SameBranch>
  void SortBranches(Indices range, SameBranch same_branch, size_t depth) {
    std::vector<Branch> branches;
    for (size_t begin = 0; begin < range.size();) {
      size_t end = begin + 1;
      while (end < range.size() && same_branch(range[begin], range[end])) ++end;
      const Indices subtree = range.subspan(begin, end - begin);
      SortSubtree(subtree, depth);
      Branch& branch = branches.emplace_back();
      branch.order.assign(subtree.begin(), subtree.end());
      branch.earliest = *std::min_element(subtree.begin(), subtree.end());
      branch.is_cached = std::any_of(subtree.begin(), subtree.end(), [&](size_t index) {
        return prompts_[index].num_cached_tokens > static_cast<int64_t>(depth);
      });
      begin = end;
    }
    std::sort(branches.begin(), branches.end(), Before);
    size_t i = 0;
    for (const Branch& branch : branches) {
      for (const size_t index : branch.order) range[i++] = index;
    }
  }

  static void SortByArrival(Indices range) { std::sort(range.begin(), range.end()); }

  std::span<const QueuedPrompt> prompts_;
};

}  // namespace

Result<QueueOrder> QueueOrderFromName(std::string_view name) {
  if (name == "fcfs") return QueueOrder::kFcfs;
  if (name == "lpm") return QueueOrder::kLongestPrefixMatch;
  if (name == "dfs-weight") return QueueOrder::kDfsWeight;
  return MakeError(ErrorCode::kInvalidArgument, "there is no queue order \"{}\"; there are fcfs, lpm and dfs-weight",
                   name);
}

void OrderQueue(QueueOrder queue_order, std::span<const QueuedPrompt> prompts, int64_t max_overtaken,
                std::vector<size_t>& order) {
  order.resize(prompts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (queue_order == QueueOrder::kFcfs) return;
  const auto rest = std::stable_partition(order.begin(), order.end(),
                                          [&](size_t i) { return prompts[i].num_overtaken >= max_overtaken; });
  if (queue_order == QueueOrder::kLongestPrefixMatch) {
    std::stable_sort(rest, order.end(),
                     [&](size_t a, size_t b) { return prompts[a].num_cached_tokens > prompts[b].num_cached_tokens; });
  } else {
    DepthFirst(prompts).Sort({rest, order.end()});
  }
}

}  // namespace tenfold::scheduler
