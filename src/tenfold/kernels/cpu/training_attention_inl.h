// Attention over sequences that lie in memory as they are, forward and backward, over one Simd class: FlashAttention-2
// (ICLR 2024, algorithms 1 and 2) with products of packed tiles.
//
// Weights are unit^(score - reference), in the unit that Numbers has: the same function in both passes, so that the
// backward pass finds the very weights whose sum the forward pass took the logarithm of.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "tenfold/base/rounding.h"
#include "tenfold/kernels/cpu/product_inl.h"
#include "tenfold/kernels/training_attention_piece.h"

namespace tenfold::kernels {

template <class S, class Number>
struct TrainingAttentionTiles {
  using F32 = typename S::F32;
  using N = Numbers<S, Number>;
  using P = PackedProduct<S, Number>;
  using Ops = RowOps<S>;
  using Left = typename P::Left;
  static constexpr int64_t kPerLane = N::kPerLane;
  static constexpr int64_t kKeys = kTrainingKeys;
  // Fewer than of the forward pass: there are twice as many intermediate results.
  static constexpr int64_t kGradientQueries = kTrainingQueries / 2;
  // The reference of a row's weights moves only when a score exceeds it by so much: a factor of 2^8.
  static constexpr float kHeadroom = 8.0f / 1.44269504f * N::kScoreUnit;
  static constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

  class Scratch {
   public:
    explicit Scratch(std::byte* begin) : next_(begin) {}
    template <class T>
    T* Take(int64_t count) {
      T* const taken = reinterpret_cast<T*>(next_);
      next_ += RoundUp(count * static_cast<int64_t>(sizeof(T)), int64_t{64});
      return taken;
    }

   private:
    std::byte* next_;
  };

  template <class Float>
  static GemmOperand AsRows(const HeadRows<Float>& rows, int64_t first) {
    return GemmOperand::Rows(rows.row(first), rows.stride);
  }
  static GemmOperand AsColumns(const HeadRows<const float>& rows, int64_t first) {
    return GemmOperand::Transposed(rows.row(first), rows.stride);
  }

  // ---- forward ----

  struct Forward {
    float factor;     // of scores, into units
    int64_t width;    // of the outputs
    float* outputs;   // [queries, width], relative to the reference
    float* maxima;    // [queries]: the references
    float* sums;      // [queries]
    float* scores;    // [queries, kKeys]
    Number* weights;  // [queries, kKeys]
  };

  static void RunForward(const TrainingAttentionPiece& piece) {
    const int64_t first = piece.first_query, head_dim = piece.head_dim;
    const int64_t num_queries = std::min(kTrainingQueries, piece.num_tokens - first);
    const int64_t width = RoundUp(head_dim, int64_t{16});
    Scratch scratch(piece.scratch);
    auto* const queries_packed = scratch.Take<Number>(P::LeftSize(num_queries, head_dim));
    auto* const keys = scratch.Take<Number>(P::RightSize(head_dim, kKeys));
    auto* const values = scratch.Take<Number>(P::RightSize(kKeys, head_dim));
    const Forward f{.factor = piece.scale * N::kScoreUnit,
                    .width = width,
                    .outputs = scratch.Take<float>(num_queries * width),
                    .maxima = scratch.Take<float>(num_queries),
                    .sums = scratch.Take<float>(num_queries),
                    .scores = scratch.Take<float>(num_queries * kKeys),
                    .weights = scratch.Take<Number>(num_queries * kKeys)};
    std::fill_n(f.outputs, num_queries * width, 0.0f);
    std::fill_n(f.maxima, num_queries, kMinusInfinity);
    std::fill_n(f.sums, num_queries, 0.0f);
    const Left queries = P::PackLeft(AsRows(piece.queries, first), num_queries, head_dim, queries_packed);
    for (int64_t key = 0; key < first + num_queries; key += kKeys) {
      const int64_t num_keys = std::min(kKeys, first + num_queries - key);
      const int64_t begin = std::max<int64_t>(0, key - first);  // earlier queries see none of the block
      P::PackRight(AsColumns(piece.keys, key), head_dim, num_keys, keys);
      P::PackRight(AsRows(piece.values, key), num_keys, head_dim, values);
      const Left seeing{queries.data + begin * queries.row_stride, queries.row_stride, queries.step_stride};
      P::Multiply(seeing, num_queries - begin, keys, num_keys, P::NumSteps(head_dim), f.scores + begin * kKeys, kKeys,
                  false);
      for (int64_t row = begin; row < num_queries; ++row) Weigh(f, row, first + row - key + 1, num_keys);
      P::Multiply({f.weights + begin * kKeys, kKeys, kPerLane}, num_queries - begin, values, head_dim,
                  P::NumSteps(num_keys), f.outputs + begin * width, width, true);
    }
    for (int64_t row = 0; row < num_queries; ++row) {
      const F32 inverse = S::Set(1.0f / f.sums[row]);
      float* const to = piece.outputs.row(first + row);
      Ops::ForEachVector(head_dim, [&](int64_t i, int64_t n) {
        Ops::StoreSome(to + i, S::Mul(S::Load(f.outputs + row * width + i), inverse), n);
      });
      *piece.lse.row(first + row) = f.maxima[row] / N::kScoreUnit + std::log(f.sums[row]);
    }
  }

  // Turns a row's scores into weights; it sees the first `visible` of the block's keys.
  static void Weigh(const Forward& f, int64_t row, int64_t visible, int64_t num_keys) {
    const float* const scores = f.scores + row * kKeys;
    Number* const weights = f.weights + row * kKeys;
    visible = std::min(visible, num_keys);
    F32 greatest = S::Set(kMinusInfinity);
    Ops::ForEachVector(visible, [&](int64_t i, int64_t n) {
      greatest = S::Max(greatest, S::KeepFirst(S::Load(scores + i), n, kMinusInfinity));
    });
    const float maximum = S::ReduceMax(greatest) * f.factor;
    if (maximum > f.maxima[row] + kHeadroom) {
      const float from = std::exchange(f.maxima[row], maximum);
      const float rescale = std::exp((from - maximum) / N::kScoreUnit);  // from minus infinity: zero
      f.sums[row] *= rescale;
      float* const output = f.outputs + row * f.width;
      for (int64_t i = 0; i < f.width; i += 16) S::Store(output + i, S::Mul(S::Load(output + i), S::Set(rescale)));
    }
    const F32 factor = S::Set(f.factor), reference = S::Set(-f.maxima[row]);
    F32 sum = S::Zero();
    for (int64_t i = 0; i < num_keys; i += 16) {
      F32 weight = S::Zero();
      if (i < visible) {
        weight = N::Weight(S::MulAdd(S::Load(scores + i), factor, reference));
        if (visible - i < 16) weight = S::KeepFirst(weight, visible - i, 0.0f);
        sum = S::Add(sum, weight);
      }
      S::Store(weights + i, weight);
    }
    f.sums[row] += S::ReduceAdd(sum);
  }

  // ---- backward ----

  struct Backward {
    float factor;        // of scores, into units
    float scale;         // of scores
    float* scores;       // [queries, kKeys]
    float* d_weights;    // [queries, kKeys]
    Number* weights_t;   // [steps of queries][kKeys][kPerLane]
    Number* d_scores_t;  // the same
    Number* d_scores;    // [queries, kKeys]
  };

  static void RunBackward(const AttentionGradientPiece& piece) {
    const int64_t head_dim = piece.head_dim, width = RoundUp(head_dim, int64_t{16});
    Scratch scratch(piece.scratch);
    auto* const keys_t = scratch.Take<Number>(P::RightSize(head_dim, kKeys));
    auto* const values_t = scratch.Take<Number>(P::RightSize(head_dim, kKeys));
    auto* const keys = scratch.Take<Number>(P::RightSize(kKeys, head_dim));
    auto* const d_keys = scratch.Take<float>(kKeys * width);
    auto* const d_values = scratch.Take<float>(kKeys * width);
    auto* const queries_left = scratch.Take<Number>(P::LeftSize(kGradientQueries, head_dim));
    auto* const d_outputs_left = scratch.Take<Number>(P::LeftSize(kGradientQueries, head_dim));
    auto* const queries = scratch.Take<Number>(P::RightSize(kGradientQueries, head_dim));
    auto* const d_outputs = scratch.Take<Number>(P::RightSize(kGradientQueries, head_dim));
    const Backward b{.factor = piece.scale * N::kScoreUnit,
                     .scale = piece.scale,
                     .scores = scratch.Take<float>(kGradientQueries * kKeys),
                     .d_weights = scratch.Take<float>(kGradientQueries * kKeys),
                     .weights_t = scratch.Take<Number>(kGradientQueries * kKeys),
                     .d_scores_t = scratch.Take<Number>(kGradientQueries * kKeys),
                     .d_scores = scratch.Take<Number>(kGradientQueries * kKeys)};
    const int64_t head_steps = P::NumSteps(head_dim);
    for (int64_t key = 0; key < piece.num_tokens; key += kKeys) {
      const int64_t num_keys = std::min(kKeys, piece.num_tokens - key);
      P::PackRight(AsColumns(piece.keys, key), head_dim, num_keys, keys_t);
      P::PackRight(AsColumns(piece.values, key), head_dim, num_keys, values_t);
      P::PackRight(AsRows(piece.keys, key), num_keys, head_dim, keys);
      std::fill_n(d_keys, kKeys * width, 0.0f);
      std::fill_n(d_values, kKeys * width, 0.0f);
      for (int64_t head = 0; head < piece.group_size; ++head) {
        for (int64_t query = key; query < piece.num_tokens; query += kGradientQueries) {
          const int64_t num_queries = std::min(kGradientQueries, piece.num_tokens - query);
          const auto of_head = [&](const HeadRows<const float>& rows) {
            return GemmOperand::Rows(rows.row(query) + head * head_dim, rows.stride);
          };
          const Left q = P::PackLeft(of_head(piece.queries), num_queries, head_dim, queries_left);
          const Left d_o = P::PackLeft(of_head(piece.d_outputs), num_queries, head_dim, d_outputs_left);
          P::PackRight(of_head(piece.queries), num_queries, head_dim, queries);
          P::PackRight(of_head(piece.d_outputs), num_queries, head_dim, d_outputs);
          P::Multiply(q, num_queries, keys_t, num_keys, head_steps, b.scores, kKeys, false);
          P::Multiply(d_o, num_queries, values_t, num_keys, head_steps, b.d_weights, kKeys, false);
          for (int64_t row = 0; row < num_queries; row += kPerLane) {
            ScoreGradients(piece, b, head, query, row, num_queries, key, num_keys);
          }
          const int64_t query_steps = P::NumSteps(num_queries);
          P::Multiply({b.weights_t, kPerLane, kKeys * kPerLane}, num_keys, d_outputs, head_dim, query_steps, d_values,
                      width, true);
          P::Multiply({b.d_scores_t, kPerLane, kKeys * kPerLane}, num_keys, queries, head_dim, query_steps, d_keys,
                      width, true);
          P::Multiply({b.d_scores, kKeys, kPerLane}, num_queries, keys, head_dim, P::NumSteps(num_keys),
                      piece.d_queries.row(query) + head * head_dim, piece.d_queries.stride, key > 0);
        }
      }
      for (int64_t row = 0; row < num_keys; ++row) {
        std::copy_n(d_keys + row * width, head_dim, piece.d_keys.row(key + row));
        std::copy_n(d_values + row * width, head_dim, piece.d_values.row(key + row));
      }
    }
  }

  // From the scores and the gradients of the weights of kPerLane neighbouring queries: their weights, and the scores'
  // gradients weight * (d_weight - d_output · output) * scale.
  static void ScoreGradients(const AttentionGradientPiece& piece, const Backward& b, int64_t head, int64_t query,
                             int64_t row, int64_t num_queries, int64_t key, int64_t num_keys) {
    F32 reference[kPerLane], delta[kPerLane];
    int64_t visible[kPerLane];
    for (int64_t r = 0; r < kPerLane; ++r) {
      visible[r] = 0;
      if (row + r >= num_queries) continue;
      const int64_t token = query + row + r;
      visible[r] = std::min(num_keys, token - key + 1);
      reference[r] = S::Set(-piece.lse.row(token)[head] * N::kScoreUnit);
      const float* const output = piece.outputs.row(token) + head * piece.head_dim;
      const float* const d_output = piece.d_outputs.row(token) + head * piece.head_dim;
      F32 dot = S::Zero();
      Ops::ForEachVector(piece.head_dim, [&](int64_t i, int64_t n) {
        dot = S::MulAdd(Ops::LoadSome(output + i, n), Ops::LoadSome(d_output + i, n), dot);
      });
      delta[r] = S::Set(S::ReduceAdd(dot));
    }
    const F32 factor = S::Set(b.factor), scale = S::Set(b.scale);
    for (int64_t i = 0; i < num_keys; i += 16) {
      F32 weight[kPerLane], d_score[kPerLane];
      for (int64_t r = 0; r < kPerLane; ++r) {
        weight[r] = d_score[r] = S::Zero();
        const int64_t count = visible[r] - i;
        if (count <= 0) continue;
        const int64_t at = (row + r) * kKeys + i;
        weight[r] = N::Weight(S::MulAdd(S::Load(b.scores + at), factor, reference[r]));
        d_score[r] = S::Mul(S::Mul(weight[r], S::Sub(S::Load(b.d_weights + at), delta[r])), scale);
        if (count < 16) {
          weight[r] = S::KeepFirst(weight[r], count, 0.0f);
          d_score[r] = S::KeepFirst(d_score[r], count, 0.0f);
        }
      }
      const int64_t transposed_at = (row / kPerLane * kKeys + i) * kPerLane;
      if constexpr (kPerLane == 1) {
        S::Store(b.weights_t + transposed_at, weight[0]);
        S::Store(b.d_scores_t + transposed_at, d_score[0]);
        S::Store(b.d_scores + row * kKeys + i, d_score[0]);
      } else {
        S::StorePairs(b.weights_t + transposed_at, S::PackPairs(weight[0], weight[1]));
        S::StorePairs(b.d_scores_t + transposed_at, S::PackPairs(d_score[0], d_score[1]));
        S::Store(b.d_scores + row * kKeys + i, d_score[0]);
        S::Store(b.d_scores + (row + 1) * kKeys + i, d_score[1]);
      }
    }
  }
};

}  // namespace tenfold::kernels
