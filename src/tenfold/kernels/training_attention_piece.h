// Pieces of attention over sequences that lie in memory as they are, without a cache: what training computes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tenfold/kernels/gemm_piece.h"

namespace tenfold::kernels {

// Rows of one head, `stride` floats apart: [num_tokens, head_dim].
template <class Float>
struct HeadRows {
  Float* data = nullptr;
  int64_t stride = 0;

  Float* row(int64_t index) const { return data + index * stride; }
};

// Queries of a tile and keys of a block: scores, weights and the packed operands of both passes stay in the L2 cache.
inline constexpr int64_t kTrainingQueries = 192, kTrainingKeys = 128;

// Causal attention of one head and one sequence: query t sees the keys [0, t].
struct TrainingAttentionPiece {
  HeadRows<const float> queries, keys, values;  // of the whole sequence
  int64_t head_dim = 0;
  int64_t first_query = 0;  // the piece's are kTrainingQueries, or up to num_tokens
  int64_t num_tokens = 0;
  float scale = 1;               // of the scores
  HeadRows<float> outputs;       // of the whole sequence
  HeadRows<float> lse;           // [num_tokens, 1]: the logarithm of the sum of the exponentials of the scores
  std::byte* scratch = nullptr;  // the thread's own, TrainingAttentionScratchBytes, 64-byte aligned
};

// The gradients of one key-value head and all query heads that share it, of one sequence.
struct AttentionGradientPiece {
  HeadRows<const float> queries;  // of the first query head; the next one's begin head_dim floats further on
  HeadRows<const float> keys, values;
  HeadRows<const float> outputs;  // as queries
  HeadRows<const float> lse;      // the next head's is one float further on
  HeadRows<const float> d_outputs;
  int64_t head_dim = 0;
  int64_t group_size = 1;
  int64_t num_tokens = 0;
  float scale = 1;
  HeadRows<float> d_queries;  // as queries; the results are stored, not added
  HeadRows<float> d_keys, d_values;
  std::byte* scratch = nullptr;  // the thread's own, TrainingAttentionScratchBytes, 64-byte aligned
};

}  // namespace tenfold::kernels
