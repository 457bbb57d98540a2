#include "tenfold/kernels/training_attention.h"

#include <algorithm>

#include "tenfold/base/rounding.h"

namespace tenfold::kernels {
namespace {

size_t ThreadScratchBytes(int64_t head_dim) {
  // What training_attention_inl.h lays out in f32, its backward pass at most: of the keys of a block and of half as many
  // queries as a forward tile has, keys twice, values, their gradients, queries and d_outputs twice each, scores and
  // d_weights, weights, d_scores twice; and of the forward pass maxima and sums.
  const int64_t width = RoundUp(head_dim, int64_t{16});
  const int64_t floats = width * (5 * kTrainingKeys + 2 * kTrainingQueries) + 5 * kTrainingQueries / 2 * kTrainingKeys +
                         3 * kTrainingQueries;
  return static_cast<size_t>(floats) * sizeof(float) + 16 * 64;
}

// Calls body(first token of the sequence, its length, thread, piece within the sequence) for all pieces.
template <class Pieces, class Body>
void ForAllPieces(platform::ThreadPool& threads, std::span<const int64_t> sequence_lengths, Pieces num_pieces,
                  Body body) {
  int64_t total = 0;
  for (const int64_t length : sequence_lengths) total += num_pieces(length);
  threads.Run(total, [&](int64_t piece, int thread) {
    int64_t begin = 0;
    size_t sequence = 0;
    while (piece >= num_pieces(sequence_lengths[sequence])) {
      piece -= num_pieces(sequence_lengths[sequence]);
      begin += sequence_lengths[sequence++];
    }
    body(begin, sequence_lengths[sequence], thread, piece);
  });
}

}  // namespace

size_t TrainingAttentionScratchBytes(int64_t head_dim, int num_threads) {
  return ThreadScratchBytes(head_dim) * static_cast<size_t>(num_threads);
}

void TrainingAttention(const KernelTable& kernels, platform::ThreadPool& threads, Precision precision,
                       const TrainingAttentionShape& shape, std::span<const int64_t> sequence_lengths,
                       const float* queries, const float* keys, const float* values, float* outputs,
                       std::byte* scratch) {
  const auto run = kernels.training().attention[static_cast<size_t>(precision)];
  const auto num_tiles = [](int64_t length) { return CeilDivide(length, kTrainingQueries); };
  ForAllPieces(
      threads, sequence_lengths, [&](int64_t length) { return shape.num_heads * num_tiles(length); },
      [&](int64_t begin, int64_t length, int thread, int64_t piece) {
        const int64_t head = piece % shape.num_heads;
        const int64_t kv_head = head / (shape.num_heads / shape.num_kv_heads);
        // Last queries first: they have the most keys, and short pieces at the end leave no thread waiting.
        const int64_t tile = num_tiles(length) - 1 - piece / shape.num_heads;
        float* const rows = outputs + begin * shape.output_cols();
        const auto kv = [&](const float* data) {
          return HeadRows<const float>{data + begin * shape.kv_cols() + kv_head * shape.head_dim, shape.kv_cols()};
        };
        run({.queries = {queries + begin * shape.query_cols() + head * shape.head_dim, shape.query_cols()},
             .keys = kv(keys),
             .values = kv(values),
             .head_dim = shape.head_dim,
             .first_query = tile * kTrainingQueries,
             .num_tokens = length,
             .scale = shape.scale,
             .outputs = {rows + head * shape.head_dim, shape.output_cols()},
             .lse = {rows + shape.query_cols() + head, shape.output_cols()},
             .scratch = scratch + static_cast<size_t>(thread) * ThreadScratchBytes(shape.head_dim)});
      });
}

void AttentionGradient(const KernelTable& kernels, platform::ThreadPool& threads, Precision precision,
                       const TrainingAttentionShape& shape, std::span<const int64_t> sequence_lengths,
                       const float* queries, const float* keys, const float* values, const float* outputs,
                       const float* d_outputs, float* gradients, std::byte* scratch) {
  const auto run = kernels.training().attention_gradient[static_cast<size_t>(precision)];
  const int64_t group_size = shape.num_heads / shape.num_kv_heads;
  ForAllPieces(
      threads, sequence_lengths, [&](int64_t length) { return length == 0 ? 0 : shape.num_kv_heads; },
      [&](int64_t begin, int64_t length, int thread, int64_t kv_head) {
        const int64_t query_col = kv_head * group_size * shape.head_dim, kv_col = kv_head * shape.head_dim;
        const float* const output_rows = outputs + begin * shape.output_cols();
        float* const gradient_rows = gradients + begin * shape.gradient_cols();
        const auto gradient = [&](int64_t col) { return HeadRows<float>{gradient_rows + col, shape.gradient_cols()}; };
        run({.queries = {queries + begin * shape.query_cols() + query_col, shape.query_cols()},
             .keys = {keys + begin * shape.kv_cols() + kv_col, shape.kv_cols()},
             .values = {values + begin * shape.kv_cols() + kv_col, shape.kv_cols()},
             .outputs = {output_rows + query_col, shape.output_cols()},
             .lse = {output_rows + shape.query_cols() + kv_head * group_size, shape.output_cols()},
             .d_outputs = {d_outputs + begin * shape.query_cols() + query_col, shape.query_cols()},
             .head_dim = shape.head_dim,
             .group_size = group_size,
             .num_tokens = length,
             .scale = shape.scale,
             .d_queries = gradient(query_col),
             .d_keys = gradient(shape.query_cols() + kv_col),
             .d_values = gradient(shape.query_cols() + shape.kv_cols() + kv_col),
             .scratch = scratch + static_cast<size_t>(thread) * ThreadScratchBytes(shape.head_dim)});
      });
}

}  // namespace tenfold::kernels
