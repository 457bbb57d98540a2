// The baseline of FlashAttention: all scores of a head as a matrix in memory, then their softmax, then the weighted
// sum.
//
// Contiguous keys and values, no causal skipping: the whole rectangle [queries, keys] is computed, written, read,
// written again as weights and read again. The products run on the same tiles in registers as attention.h's, so that a
// comparison shows the mechanism and not the care taken. For measurements (law 5); the engine never calls it.
#pragma once

#include <cstdint>

#include "tenfold/kernels/attention.h"

namespace tenfold::kernels {

// What an attention over `num_queries` at the last of `num_keys` positions takes, all heads together.
struct AttentionCost {
  double flops = 0;           // 4 * head_dim for each query head's pair of a query and a key that it may see
  int64_t bytes_moved = 0;    // between a kernel and memory that grows with the context, the queries or both
  int64_t scratch_bytes = 0;  // of all threads
};

AttentionCost FlashAttentionCost(const AttentionPlan& plan, const KvLayout& layout, const AttentionShape& shape);
AttentionCost NaiveAttentionCost(const KvLayout& layout, const AttentionShape& shape, int64_t num_queries,
                                 int64_t num_keys, int num_threads);

// Keys and values of all `num_keys` tokens lie in one page, zero behind them; not for Q8_0. `scratch` holds
// NaiveAttentionCost's scratch_bytes.
void NaiveAttention(const KernelTable& kernels, platform::ThreadPool& threads, const KvPages& kv,
                    const AttentionShape& shape, int64_t layer, int64_t num_queries, int64_t num_keys,
                    const float* queries, float* outputs, float* scratch);

}  // namespace tenfold::kernels
