#include "tenfold/kernels/attention_plan.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "tenfold/base/check.h"

namespace tenfold::kernels {
namespace {

// Query rows (tokens times heads of a group) per piece: every key and value that comes from beyond L1 is used that many
// times. At head dimension 64 the rows' queries and outputs take 72 KiB, which stream from L2 beside a block; with half
// as many rows, contexts that do not fit L2 are a few percent slower.
constexpr int64_t kMaxRows = 192;
// Fewer, where that keeps all threads busy to the end, but not below.
constexpr int64_t kMinRows = 24;
// Tokens stored by one item.
constexpr int64_t kMaxStoredTokens = 16;

// Items for each thread that sequences with a common prefix are cut into: with fewer a thread would have nothing to do,
// with more the prefix is read more often.
constexpr int64_t kSharedItemsPerThread = 2;

// Of one head: pairs of a query and a key.
int64_t CostOf(const AttentionPlan::Piece& piece) {
  int64_t cost = 0;
  for (const AttentionChunk& part : piece.parts) {
    cost += part.num_tokens * (2 * part.first_position + part.num_tokens + 1) / 2;
  }
  return cost;
}

// The pages that hold nothing but keys before the chunk.
std::span<const int32_t> PagesBefore(const AttentionChunk& chunk, int64_t page_size) {
  return {chunk.page_ids, static_cast<size_t>(chunk.first_position / page_size)};
}

// Keys, in whole blocks, that both begin with and that lie in the same pages.
int64_t NumSharedKeys(const AttentionChunk& a, const AttentionChunk& b, int64_t page_size) {
  const auto pages_a = PagesBefore(a, page_size), pages_b = PagesBefore(b, page_size);
  const auto [end, unused] = std::mismatch(pages_a.begin(), pages_a.end(), pages_b.begin(), pages_b.end());
  return (end - pages_a.begin()) * page_size / kAttentionKeys * kAttentionKeys;
}

}  // namespace

int64_t AttentionPlan::Piece::num_queries() const {
  return std::transform_reduce(parts.begin(), parts.end(), int64_t{0}, std::plus<>(),
                               [](const AttentionChunk& part) { return part.num_tokens; });
}

AttentionPlan::AttentionPlan(const KvLayout& layout, const AttentionShape& shape, int64_t max_tokens, int num_threads)
    : page_size_(layout.page_size),
      num_kv_heads_(layout.num_kv_heads),
      group_size_(shape.num_heads / layout.num_kv_heads),
      num_threads_(num_threads) {
  CHECK_MSG(page_size_ == 16 || page_size_ == 32 || (page_size_ > 0 && page_size_ % 64 == 0), "page size {}",
            page_size_);
  CHECK_EQ(group_size_ * num_kv_heads_, shape.num_heads);
  max_queries_ = std::max<int64_t>(1, kMaxRows / group_size_);
  const int64_t max_rows = max_queries_ * group_size_;
  state_floats_ = AttentionStateFloats(max_rows, layout);
  thread_scratch_floats_ = AttentionScratchFloats(max_rows, layout) + state_floats_;
  num_slots_ = kSharesPerThread * num_threads_;
  scratch_floats_ = num_threads_ * thread_scratch_floats_ + (num_slots_ + max_split_heads()) * state_floats_;
  stores_.reserve(static_cast<size_t>(max_tokens));
  parts_.reserve(static_cast<size_t>(max_tokens));
  decodes_.reserve(static_cast<size_t>(max_tokens));
  whole_.reserve(static_cast<size_t>(max_tokens));
  split_.reserve(static_cast<size_t>(max_split_heads()));
}

void AttentionPlan::Build(std::span<const AttentionChunk> sequences) {
  stores_.clear();
  parts_.clear();
  decodes_.clear();
  whole_.clear();
  split_.clear();
  int64_t num_tokens = 0;
  for (const AttentionChunk& sequence : sequences) num_tokens += sequence.num_tokens;
  const int64_t min_queries = std::min(max_queries_, CeilDivide(kMinRows, group_size_));
  const int64_t queries_per_piece =
      std::clamp(num_tokens * num_kv_heads_ / (2 * kSharesPerThread * num_threads_), min_queries, max_queries_);
  int64_t total_cost = 0;
  for (const AttentionChunk& sequence : sequences) {
    const auto cut = [&](auto count_at, auto add) {
      for (int64_t done = 0; done < sequence.num_tokens;) {
        const int64_t position = sequence.first_position + done;
        const int64_t count = std::min<int64_t>(count_at(position), sequence.num_tokens - done);
        add(AttentionChunk{sequence.first_row + done, count, position, sequence.page_ids});
        done += count;
      }
    };
    cut([&](int64_t position) { return std::min(page_size_ - position % page_size_, kMaxStoredTokens); },
        [&](const AttentionChunk& store) { stores_.push_back(store); });
    if (sequence.num_tokens == 1 && sequence.first_position >= kAttentionKeys) {
      decodes_.push_back(sequence);
    } else {
      cut([&](int64_t) { return queries_per_piece; }, [&](const AttentionChunk& part) { AddPiece({&part, 1}, 0); });
    }
  }
  AddDecodes();
  for (const Piece& piece : whole_) total_cost += CostOf(piece) * num_kv_heads_;
  // Longest first, so that no thread begins the longest piece when the others are about to end.
  std::sort(whole_.begin(), whole_.end(), [](const Piece& a, const Piece& b) { return CostOf(a) > CostOf(b); });
  const auto is_split = [&](const Piece& piece) {
    return num_threads_ > 1 && piece.num_ranges() > 1 && CostOf(piece) * num_threads_ * kSharesPerThread > total_cost;
  };
  const auto first_whole = std::find_if_not(whole_.begin(), whole_.end(), is_split);
  split_.assign(whole_.begin(), first_whole);
  whole_.erase(whole_.begin(), first_whole);
  CHECK_LE(static_cast<int64_t>(split_.size()) * num_kv_heads_, max_split_heads());
  num_range_items_ = 0;
  for (const Piece& piece : split_) num_range_items_ += piece.num_ranges() * num_kv_heads_;
}

void AttentionPlan::AddPiece(std::span<const AttentionChunk> parts, int64_t num_shared_keys) {
  const size_t begin = parts_.size();
  parts_.insert(parts_.end(), parts.begin(), parts.end());
  whole_.push_back({std::span(parts_).subspan(begin), parts.size() == 1 ? 0 : num_shared_keys});
}

void AttentionPlan::AddDecodes() {
  // Those with a common beginning stand beside each other.
  std::sort(decodes_.begin(), decodes_.end(), [this](const AttentionChunk& a, const AttentionChunk& b) {
    const auto pages_a = PagesBefore(a, page_size_), pages_b = PagesBefore(b, page_size_);
    return std::lexicographical_compare(pages_a.begin(), pages_a.end(), pages_b.begin(), pages_b.end());
  });
  const auto all = std::span<const AttentionChunk>(decodes_);
  for (size_t begin = 0; begin < all.size();) {
    // What a group saves is what all but one of it do not read.
    int64_t num_shared = all[begin].first_position;
    size_t end = begin + 1;
    for (; end < all.size(); ++end) {
      const int64_t num_with_next = std::min(num_shared, NumSharedKeys(all[end - 1], all[end], page_size_));
      const auto num_others = static_cast<int64_t>(end - begin);
      if (num_with_next == 0 || num_others * num_with_next < (num_others - 1) * num_shared) break;
      num_shared = num_with_next;
    }
    const auto num_members = static_cast<int64_t>(end - begin);
    const int64_t num_ranges = CeilDivide(MaxNumKeys(all.subspan(begin, end - begin)), kAttentionRange);
    const int64_t num_pieces =
        std::max(CeilDivide(num_members, max_queries_),
                 std::min(CeilDivide(num_members, 2),
                          CeilDivide(kSharedItemsPerThread * num_threads_, num_kv_heads_ * num_ranges)));
    const auto num_parts = static_cast<size_t>(CeilDivide(num_members, num_pieces));
    for (; begin < end; begin += std::min(num_parts, end - begin)) {
      AddPiece(all.subspan(begin, std::min(num_parts, end - begin)), num_shared);
    }
  }
}

AttentionPlan::RangeItem AttentionPlan::range_item(int64_t index) const {
  for (size_t piece = 0;; ++piece) {
    const int64_t num_ranges = split_[piece].num_ranges();
    if (index < num_ranges * num_kv_heads_) {
      return {static_cast<int64_t>(piece), index / num_ranges, index % num_ranges};
    }
    index -= num_ranges * num_kv_heads_;
  }
}

}  // namespace tenfold::kernels
