#include "tenfold/kernels/attention_plan.h"

#include <algorithm>

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

// Of one head: pairs of a query and a key.
int64_t CostOf(const AttentionPlan::Piece& piece) {
  return piece.num_tokens * (2 * piece.first_position + piece.num_tokens + 1) / 2;
}

}  // namespace

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
  whole_.reserve(static_cast<size_t>(max_tokens));
  split_.reserve(static_cast<size_t>(max_split_heads()));
}

void AttentionPlan::Build(std::span<const AttentionSequence> sequences) {
  stores_.clear();
  whole_.clear();
  split_.clear();
  int64_t num_tokens = 0;
  for (const AttentionSequence& sequence : sequences) num_tokens += sequence.num_tokens;
  const int64_t min_queries = std::min(max_queries_, CeilDivide(kMinRows, group_size_));
  const int64_t queries_per_piece =
      std::clamp(num_tokens * num_kv_heads_ / (2 * kSharesPerThread * num_threads_), min_queries, max_queries_);
  int64_t total_cost = 0;
  for (const AttentionSequence& sequence : sequences) {
    const auto cut = [&](std::vector<Piece>& pieces, auto count_at) {
      for (int64_t done = 0; done < sequence.num_tokens;) {
        const int64_t position = sequence.first_position + done;
        const int64_t count = std::min<int64_t>(count_at(position), sequence.num_tokens - done);
        pieces.push_back({sequence.first_row + done, count, position, sequence.page_ids});
        done += count;
      }
    };
    cut(stores_, [&](int64_t position) { return std::min(page_size_ - position % page_size_, kMaxStoredTokens); });
    cut(whole_, [&](int64_t) { return queries_per_piece; });
  }
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
