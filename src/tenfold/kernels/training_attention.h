// Attention of training batches on all threads, forward and backward (FlashAttention-2, ICLR 2024): exact, causal, over
// whole sequences of any lengths, with grouped key-value heads. Memory beside the results is a constant per thread.
//
// The backward pass has a piece for each sequence and key-value head, so that nobody shares a sum: a single sequence
// with fewer key-value heads than threads leaves some of them idle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/training_kernels.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::kernels {

struct TrainingAttentionShape {
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  float scale = 1;

  int64_t query_cols() const { return num_heads * head_dim; }
  int64_t kv_cols() const { return num_kv_heads * head_dim; }
  // Of the result: the heads' outputs, and behind them a column for each head: its log-sum-exp.
  int64_t output_cols() const { return query_cols() + num_heads; }
  // Of the gradient: that of queries, keys and values, one behind the other.
  int64_t gradient_cols() const { return query_cols() + 2 * kv_cols(); }
};

// For all threads, of either pass.
size_t TrainingAttentionScratchBytes(int64_t head_dim, int num_threads);

// queries [T, query_cols], keys and values [T, kv_cols], outputs [T, output_cols]; `sequence_lengths` add up to T.
void TrainingAttention(const KernelTable& kernels, platform::ThreadPool& threads, Precision precision,
                       const TrainingAttentionShape& shape, std::span<const int64_t> sequence_lengths,
                       const float* queries, const float* keys, const float* values, float* outputs,
                       std::byte* scratch);

// From those, the outputs and the gradient of the heads' outputs [T, query_cols]: gradients [T, gradient_cols].
void AttentionGradient(const KernelTable& kernels, platform::ThreadPool& threads, Precision precision,
                       const TrainingAttentionShape& shape, std::span<const int64_t> sequence_lengths,
                       const float* queries, const float* keys, const float* values, const float* outputs,
                       const float* d_outputs, float* gradients, std::byte* scratch);

}  // namespace tenfold::kernels
