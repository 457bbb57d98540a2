// The inner loops of attention over one Simd class: a few query rows against one block of keys and values.
//
// Both products are outer products in registers: S::kTileRows rows by S::kTileVectors vectors of sums, so many
// independent chains that the latency of a multiplication does not show. An element's chain runs over the head for a
// score and over the keys, in order, for an output: the same whatever rows share its tile (law 2).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "tenfold/kernels/cpu/always_inline.h"
#include "tenfold/kernels/cpu/numbers_inl.h"
#include "tenfold/kernels/cpu/row_ops_inl.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

// Fetches the next block of keys and values from memory while the present one is computed, spread evenly: more
// outstanding at once would hold up the loads of the present.
struct BlockPrefetch {
  std::array<const std::byte*, kAttentionKeys / 16> chunks{};  // of the pages that hold the block
  int64_t num_chunks = 0;
  int64_t chunk_bytes = 0;
  int64_t chunk = 0, offset = 0;  // how far it has come

  TENFOLD_INLINE void Next() {
    if (chunk == num_chunks) return;
    const std::byte* const at = chunks[static_cast<size_t>(chunk)] + offset;
    __builtin_prefetch(at, 0, 2);
    __builtin_prefetch(at + 64, 0, 2);
    offset += 128;
    if (offset >= chunk_bytes) {
      offset = 0;
      ++chunk;
    }
  }
};

template <class S, class Number>
struct AttentionTile {
  using F32 = typename S::F32;
  using Numbers = kernels::Numbers<S, Number>;
  using Operand = typename Numbers::Operand;
  static constexpr int64_t kKeys = kAttentionKeys;
  static constexpr int64_t kParts = kKeys / 16;
  static constexpr int64_t kPerLane = Numbers::kPerLane;
  static constexpr float kHeadroom = 8.0f / 1.44269504f * Numbers::kScoreUnit;  // a factor of 2^8
  static constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

  // Where the 16-key parts of a block lie. Parts that the caller cannot see repeat the last one that it can.
  struct Block {
    const Number* keys[kParts];    // [lanes of a head][16][kPerLane], key_stride between rows
    const Number* values[kParts];  // [16 / kPerLane][padded_head_dim][kPerLane]
    int64_t key_stride;
    mutable BlockPrefetch next;
  };

  // Of the whole piece, and of the range of keys that is being computed.
  struct Rows {
    int64_t width;     // padded_head_dim
    float* outputs;    // [rows, width], not divided by the sum
    float* maxima;     // [rows]: see Softmax
    float* lane_sums;  // [rows, 16]: of the weights, lane by lane
    float* scores;     // [kTileRows, kKeys], of the tile at hand
    Operand* weights;  // [kTileRows, kKeys]
  };

  // scores[r][key] = query r . key, for kVectors parts. Queries are [key_rows][kRows][kPerLane].
  template <int kRows, int kVectors>
  static void Scores(const Block& block, int64_t part, int64_t key_rows, const Operand* queries, float* scores) {
    F32 sums[kRows][kVectors];
    ForEach<kRows, kVectors>([&](auto r, auto v) TENFOLD_INLINE { sums[r][v] = S::Zero(); });
    const Number* keys[kVectors];
    for (int v = 0; v < kVectors; ++v) keys[v] = block.keys[part + v];
    const int64_t end = key_rows * block.key_stride;
    for (int64_t offset = 0; offset < end; offset += block.key_stride, queries += kRows * kPerLane) {
      block.next.Next();
      typename Numbers::Vector lanes[kVectors];
      ForEach<1, kVectors>([&](auto, auto v) TENFOLD_INLINE { lanes[v] = Numbers::Load(keys[v] + offset); });
      ForEach<kRows, 1>([&](auto r, auto) TENFOLD_INLINE {
        const auto query = Numbers::Broadcast(queries + r * kPerLane);
        ForEach<1, kVectors>([&](auto, auto v)
                                 TENFOLD_INLINE { sums[r][v] = Numbers::MulAdd(sums[r][v], query, lanes[v]); });
      });
    }
    float* const to = scores + part * 16;
    ForEach<kRows, kVectors>([&](auto r, auto v) TENFOLD_INLINE { S::Store(to + r * kKeys + v * 16, sums[r][v]); });
  }

  // Turns a row's scores into weights unit^(score - reference) and adds them to its sum. The reference is a score near
  // the greatest so far: it moves, and what was summed before is rescaled, only when a score exceeds it by kHeadroom,
  // which after the first block hardly ever happens (FlashAttention-4's conditional rescaling). Weights then are up to
  // 2^8, which costs neither F32 nor BF16 a bit of precision. Only the first `visible` keys count; what stands behind
  // them may be anything.
  static void Softmax(const Rows& rows, int64_t row, int64_t visible, const float* scores, Operand* weights) {
    if (visible == kKeys) {
      SoftmaxOf(rows, row, kParts, 0, scores, weights);  // constants, so that its loops unroll
    } else {
      SoftmaxOf(rows, row, visible / 16, visible % 16, scores, weights);
    }
  }

  TENFOLD_INLINE static void SoftmaxOf(const Rows& rows, int64_t row, int64_t whole, int64_t rest, const float* scores,
                                       Operand* weights) {
    F32 greatest = S::Set(kMinusInfinity);
    for (int64_t part = 0; part < whole; ++part) greatest = S::Max(greatest, S::Load(scores + part * 16));
    if (rest > 0) greatest = S::Max(greatest, S::KeepFirst(S::Load(scores + whole * 16), rest, kMinusInfinity));
    const float maximum = S::ReduceMax(greatest);
    F32 sum = S::Load(rows.lane_sums + row * 16);
    if (maximum > rows.maxima[row] + kHeadroom) sum = MoveReference(rows, row, maximum, sum);
    const F32 reference = S::Set(rows.maxima[row]);
    for (int64_t part = 0; part < whole; ++part) {
      const F32 weight = Numbers::Weight(S::Sub(S::Load(scores + part * 16), reference));
      S::Store(weights + part * 16, weight);
      sum = S::Add(sum, weight);
    }
    if (rest > 0) {
      const F32 weight = Numbers::Weight(S::Sub(S::Load(scores + whole * 16), reference));
      const F32 kept = S::KeepFirst(weight, rest, 0.0f);
      S::Store(weights + whole * 16, kept);
      sum = S::Add(sum, kept);
    }
    S::Store(rows.lane_sums + row * 16, sum);
  }

  // Returns the row's sum, rescaled.
  static F32 MoveReference(const Rows& rows, int64_t row, float to, F32 sum) {
    const float from = std::exchange(rows.maxima[row], to);
    if (from == kMinusInfinity) return sum;  // nothing is summed yet
    const F32 rescale = Rescale(from - to);
    float* const output = rows.outputs + row * rows.width;
    for (int64_t d = 0; d < rows.width; d += 16) S::Store(output + d, S::Mul(S::Load(output + d), rescale));
    return S::Mul(sum, rescale);
  }

  // What sums relative to a reference are multiplied by when it changes by -difference. Accurate for every cache: it
  // acts on all that was summed.
  static F32 Rescale(float difference) { return RowOps<S>::Exp(S::Set(difference / Numbers::kScoreUnit)); }

  // outputs[r][d...] += sum over steps [begin, end) of weight * value; a step is kPerLane keys.
  template <int kRows, int kVectors>
  static void WeighColumns(const Block& block, const Operand* weights, int64_t begin, int64_t end, int64_t width,
                           int64_t d, float* outputs) {
    constexpr int64_t kStepsPerPart = 16 / kPerLane;
    F32 sums[kRows][kVectors];
    const auto output = [&](int64_t r, int64_t v) TENFOLD_INLINE { return outputs + r * width + d + v * 16; };
    ForEach<kRows, kVectors>([&](auto r, auto v) TENFOLD_INLINE { sums[r][v] = S::Load(output(r, v)); });
    for (int64_t step = begin; step < end;) {
      const int64_t part_end = std::min(end, (step / kStepsPerPart + 1) * kStepsPerPart);
      const Number* value = block.values[step / kStepsPerPart] + (step % kStepsPerPart * width + d) * kPerLane;
      for (; step < part_end; ++step, value += width * kPerLane) {
        block.next.Next();
        typename Numbers::Vector lanes[kVectors];
        ForEach<1, kVectors>([&](auto, auto v) TENFOLD_INLINE { lanes[v] = Numbers::Load(value + v * 16 * kPerLane); });
        ForEach<kRows, 1>([&](auto r, auto) TENFOLD_INLINE {
          const auto weight = Numbers::Broadcast(weights + r * kKeys + step * kPerLane);
          ForEach<1, kVectors>([&](auto, auto v)
                                   TENFOLD_INLINE { sums[r][v] = Numbers::MulAdd(sums[r][v], weight, lanes[v]); });
        });
      }
    }
    ForEach<kRows, kVectors>([&](auto r, auto v) TENFOLD_INLINE { S::Store(output(r, v), sums[r][v]); });
  }

  template <int kRows>
  static void Weigh(const Block& block, const Operand* weights, int64_t begin, int64_t end, int64_t width,
                    float* outputs) {
    if (begin >= end) return;
    // As equal as possible: 80 dimensions as 48 and 32, not as 64 and a single, slow vector.
    int64_t left = width / 16;
    for (int64_t d = 0; left > 0;) {
      const int64_t vectors = (left + (left - 1) / S::kTileVectors) / ((left - 1) / S::kTileVectors + 1);
      [&]<int... kMinusOne>(std::integer_sequence<int, kMinusOne...>) {
        (void)((vectors == kMinusOne + 1 &&
                (WeighColumns<kRows, kMinusOne + 1>(block, weights, begin, end, width, d, outputs), true)) ||
               ...);
      }
      (std::make_integer_sequence<int, S::kTileVectors>());
      d += vectors * 16;
      left -= vectors;
    }
  }

  // The first key alone of the pair at `step`: the other one is not the row's to see, and may hold anything.
  static void WeighFirstOfPair(const Block& block, const Operand* weights, int64_t step, int64_t width,
                               float* outputs) {
    if constexpr (kPerLane == 2) {
      const auto weight = Numbers::Broadcast(weights + step * 2);
      const Number* const value = block.values[step / 8] + step % 8 * width * 2;
      for (int64_t d = 0; d < width; d += 16) {
        const auto lanes = S::FirstOfPairs(Numbers::Load(value + d * 2));
        S::Store(outputs + d, Numbers::MulAdd(S::Load(outputs + d), weight, lanes));
      }
    }
  }

  // kRows neighbouring rows, of which row r sees the block's first visible[r] keys, against the block.
  template <int kRows>
  static void Run(const Block& block, int64_t key_rows, const Operand* queries, const Rows& rows, int64_t row,
                  const int64_t* visible) {
    const auto [least, greatest] = std::minmax_element(visible, visible + kRows);
    for (int64_t part = 0; part * 16 < *greatest; part += S::kTileVectors) {
      if (constexpr int kHalf = (S::kTileVectors + 1) / 2; *greatest <= (part + kHalf) * 16) {
        Scores<kRows, kHalf>(block, part, key_rows, queries, rows.scores);
        break;
      }
      Scores<kRows, S::kTileVectors>(block, part, key_rows, queries, rows.scores);
    }
    for (int r = 0; r < kRows; ++r) {
      if (visible[r] > 0) Softmax(rows, row + r, visible[r], rows.scores + r * kKeys, rows.weights + r * kKeys);
    }
    float* const outputs = rows.outputs + row * rows.width;
    const int64_t common = *least / kPerLane;
    Weigh<kRows>(block, rows.weights, 0, common, rows.width, outputs);
    for (int r = 0; r < kRows; ++r) {
      const Operand* const weights = rows.weights + r * kKeys;
      Weigh<1>(block, weights, common, visible[r] / kPerLane, rows.width, outputs + r * rows.width);
      if (visible[r] % kPerLane != 0) {
        WeighFirstOfPair(block, weights, visible[r] / kPerLane, rows.width, outputs + r * rows.width);
      }
    }
  }
};

}  // namespace tenfold::kernels
