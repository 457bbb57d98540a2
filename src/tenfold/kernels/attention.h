// Paged attention of a whole batch on all threads: stores the new keys and values, then attends.
//
// A batch is flat: the query rows of all sequences stand one after the other, prompts' chunks beside single decodes.
// AttentionPlan cuts it into pieces of similar size once per step; every layer reuses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/kv_layout.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::kernels {

// One sequence's share of the batch: rows [first_row, first_row + num_tokens) hold its tokens at positions
// [first_position, ...). Its pages hold the earlier tokens and have room for these.
struct AttentionSequence {
  int64_t first_row = 0;
  int64_t num_tokens = 0;
  int64_t first_position = 0;
  const int32_t* page_ids = nullptr;
};

// The heads of a model's attention.
struct AttentionShape {
  int64_t num_heads = 0;
  float scale = 1;
};

// The batch cut into pieces of work. Reused from step to step: Build allocates only while it still grows.
class AttentionPlan {
 public:
  // Reserves for batches of up to `max_tokens`, so that no later Build allocates.
  AttentionPlan(const KvLayout& layout, const AttentionShape& shape, int64_t max_tokens);

  void Build(std::span<const AttentionSequence> sequences);

  // Scratch that one thread needs for any piece.
  int64_t scratch_floats() const { return scratch_floats_; }

  // Consecutive tokens of one sequence: at most max_queries_ of them, or as many as lie in one page.
  struct Piece {
    int64_t first_row;
    int64_t num_tokens;
    int64_t first_position;
    const int32_t* page_ids;
  };
  const std::vector<Piece>& queries() const { return queries_; }
  const std::vector<Piece>& stores() const { return stores_; }

 private:
  int64_t page_size_;
  int64_t max_queries_;
  int64_t scratch_floats_;
  std::vector<Piece> queries_;
  std::vector<Piece> stores_;
};

// The page pool as kernels see it.
struct KvPages {
  std::byte* pages = nullptr;  // page p begins at p * layout.page_bytes()
  KvLayout layout;
};

// Writes the batch's keys and values [tokens, num_kv_heads * head_dim] into the pages, then computes
// outputs [tokens, num_heads * head_dim] from queries of the same shape. `scratch` holds plan.scratch_floats() per
// thread.
void PagedAttention(const KernelTable& kernels, platform::ThreadPool& threads, const AttentionPlan& plan,
                    const KvPages& kv, const AttentionShape& shape, int64_t layer, const float* queries,
                    const float* keys, const float* values, float* outputs, float* scratch);

}  // namespace tenfold::kernels
