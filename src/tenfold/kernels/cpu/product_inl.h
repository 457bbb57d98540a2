// Products of small packed matrices over one Simd class: the inner loops of gemm_inl.h and training_attention_inl.h.
//
// The right operand is packed in panels of up to S::kTileVectors vectors of columns, as equal as possible; the left one
// is read number by number, each broadcast to all lanes. S::kTileRows rows by a panel are a tile, whose sums stay in
// registers. Numbers of the depth are taken kPerLane at a time: a step. An element's sum goes over the steps in order,
// from what c holds or from zero.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "tenfold/base/rounding.h"
#include "tenfold/kernels/cpu/always_inline.h"
#include "tenfold/kernels/cpu/numbers_inl.h"
#include "tenfold/kernels/cpu/row_ops_inl.h"
#include "tenfold/kernels/gemm_piece.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

template <class S, class Number>
struct PackedProduct {
  using F32 = typename S::F32;
  using N = Numbers<S, Number>;
  using Rows = RowOps<S>;
  static constexpr int64_t kPerLane = N::kPerLane;

  static int64_t NumSteps(int64_t depth) { return CeilDivide(depth, kPerLane); }

  // The left operand: the numbers of step k of row r at data[r * row_stride + k * step_stride].
  struct Left {
    const Number* data;
    int64_t row_stride;
    int64_t step_stride;
  };

  // Of a right operand with `cols` columns: the panel that begins at vector `begin` and what comes after it.
  struct Panel {
    int64_t begin = 0;  // vectors
    int64_t vectors = 0;
  };
  template <class Body>
  TENFOLD_INLINE static void ForEachPanel(int64_t cols, Body body) {
    const int64_t vectors = CeilDivide(cols, 16), num_panels = CeilDivide(vectors, S::kTileVectors);
    for (int64_t p = 0, begin = 0; p < num_panels; ++p) {
      const int64_t count = vectors / num_panels + (p < vectors % num_panels ? 1 : 0);
      body(Panel{begin, count});
      begin += count;
    }
  }
  // Where its numbers begin: [steps][vectors * 16][kPerLane].
  static int64_t PanelOffset(const Panel& panel, int64_t steps) { return panel.begin * 16 * steps * kPerLane; }
  static int64_t RightSize(int64_t depth, int64_t cols) {
    return RoundUp(cols, int64_t{16}) * NumSteps(depth) * kPerLane;
  }

  // ---- packing ----

  // One vector of lanes, `count` of them not zero: a number from `first` and, where a lane takes two, one from `second`
  // (null: zeros).
  TENFOLD_INLINE static void StoreLanes(const float* first, const float* second, int64_t count, Number* to) {
    if constexpr (kPerLane == 1) {
      S::Store(to, Rows::LoadSome(first, count));
    } else {
      const F32 odd = second == nullptr ? S::Zero() : Rows::LoadSome(second, count);
      S::StorePairs(to, S::PackPairs(Rows::LoadSome(first, count), odd));
    }
  }

  // `count` neighbouring numbers, and zeros up to whole vectors of 16.
  static void StoreRow(const float* from, int64_t count, Number* to) {
    Rows::ForEachVector(count, [&](int64_t i, int64_t n) { S::Store(to + i, Rows::LoadSome(from + i, n)); });
  }

  // [depth, cols] as panels. Lanes beyond cols and numbers beyond the depth are zero.
  static void PackRight(const GemmOperand& b, int64_t depth, int64_t cols, Number* to) {
    const int64_t steps = NumSteps(depth);
    if (b.col_stride == 1) {
      // Row after row, as they lie in memory.
      ForEachStep(b.data, b.row_stride, depth, cols, [&](int64_t step, const float* first, const float* second) {
        ForEachPanel(cols, [&](const Panel& panel) {
          StoreVectors(first, second, panel.begin, panel.vectors, cols,
                       to + PanelOffset(panel, steps) + step * panel.vectors * 16 * kPerLane);
        });
      });
      return;
    }
    ForEachPanel(cols, [&](const Panel& panel) {
      for (int64_t v = 0; v < panel.vectors; ++v) {
        const int64_t col = (panel.begin + v) * 16, count = std::min<int64_t>(16, cols - col);
        PackTransposed(b.At(0, col).data, b.col_stride, depth, count, panel.vectors * 16 * kPerLane,
                       to + PanelOffset(panel, steps) + v * 16 * kPerLane);
      }
    });
  }

  // Calls body(step, row, the next row) for the rows of a matrix, which it fetches ahead: they are too short for the
  // processor to notice where they lead. Where a step has one row or the last one is missing, the other is null.
  template <class Body>
  TENFOLD_INLINE static void ForEachStep(const float* from, int64_t stride, int64_t depth, int64_t cols, Body body) {
    for (int64_t k = 0; k < depth; k += kPerLane) {
      for (int64_t r = 0; r < kPerLane; ++r) PrefetchRow(from + (k + r + kRowsAhead) * stride, cols);
      const float* const first = from + k * stride;
      body(k / kPerLane, first, kPerLane == 2 && k + 1 < depth ? first + stride : nullptr);
    }
  }
  static constexpr int64_t kRowsAhead = 8;
  TENFOLD_INLINE static void PrefetchRow(const float* row, int64_t count) {
    for (int64_t i = 0; i < count; i += 16) __builtin_prefetch(row + i, 0, 2);
  }

  // Vectors [begin, begin + count) of one or two rows that have `cols` numbers.
  TENFOLD_INLINE static void StoreVectors(const float* first, const float* second, int64_t begin, int64_t count,
                                          int64_t cols, Number* to) {
    for (int64_t v = 0; v < count; ++v) {
      const int64_t col = (begin + v) * 16;
      StoreLanes(first + col, second == nullptr ? nullptr : second + col, std::min<int64_t>(16, cols - col),
                 to + v * 16 * kPerLane);
    }
  }

  // Lanes that lie `lane_stride` apart, neighbours in the depth side by side.
  static void PackTransposed(const float* from, int64_t lane_stride, int64_t depth, int64_t count, int64_t stride,
                             Number* to) {
    for (int64_t k = 0; k < depth; k += 16 * kPerLane) {
      F32 lanes[16];
      for (int64_t i = 0; i < 16; ++i) {
        alignas(64) Number numbers[16 * kPerLane] = {};
        if (i < count) StoreRow(from + i * lane_stride + k, std::min(16 * kPerLane, depth - k), numbers);
        lanes[i] = S::Load(reinterpret_cast<const float*>(numbers));
      }
      S::Transpose(lanes);
      const int64_t num_steps = std::min<int64_t>(16, NumSteps(depth - k));
      for (int64_t i = 0; i < num_steps; ++i, to += stride) S::Store(reinterpret_cast<float*>(to), lanes[i]);
    }
  }

  // [rows, depth], in the order that it has. `to` has room for LeftSize numbers.
  static int64_t LeftSize(int64_t rows, int64_t depth) {
    return RoundUp(rows, int64_t{16}) * RoundUp(depth, int64_t{16});
  }
  static Left PackLeft(const GemmOperand& a, int64_t rows, int64_t depth, Number* to) {
    if (a.col_stride == 1) {
      const int64_t stride = RoundUp(depth, int64_t{16});
      for (int64_t r = 0; r < rows; ++r) {
        PrefetchRow(a.At(r + kRowsAhead, 0).data, depth);
        StoreRow(a.At(r, 0).data, depth, to + r * stride);
      }
      return {to, stride, kPerLane};
    }
    const int64_t vectors = CeilDivide(rows, 16), stride = vectors * 16 * kPerLane;
    ForEachStep(a.data, a.col_stride, depth, rows, [&](int64_t step, const float* first, const float* second) {
      StoreVectors(first, second, 0, vectors, rows, to + step * stride);
    });
    return {to, kPerLane, stride};
  }

  // ---- multiplying ----

  template <int kRows, int kVectors, bool kIsPart>
  static void Tile(const Left& a, const Number* b, int64_t steps, float* c, int64_t c_stride, bool adds,
                   int64_t last_lanes) {
    F32 sums[kRows][kVectors];
    ForEach<kRows, kVectors>([&](auto r, auto v) TENFOLD_INLINE {
      constexpr bool kIsLast = kIsPart && v == kVectors - 1;
      float* const at = c + r * c_stride + v * 16;
      if (!adds) {
        sums[r][v] = S::Zero();
      } else if constexpr (kIsLast) {
        sums[r][v] = S::LoadPart(at, last_lanes);
      } else {
        sums[r][v] = S::Load(at);
      }
    });
    const Number* left = a.data;
    for (int64_t step = 0; step < steps; ++step, left += a.step_stride, b += kVectors * 16 * kPerLane) {
      typename N::Vector lanes[kVectors];
      ForEach<1, kVectors>([&](auto, auto v) TENFOLD_INLINE { lanes[v] = N::Load(b + v * 16 * kPerLane); });
      ForEach<kRows, 1>([&](auto r, auto) TENFOLD_INLINE {
        const auto broadcast = N::Broadcast(left + r * a.row_stride);
        ForEach<1, kVectors>([&](auto, auto v)
                                 TENFOLD_INLINE { sums[r][v] = N::MulAdd(sums[r][v], broadcast, lanes[v]); });
      });
    }
    ForEach<kRows, kVectors>([&](auto r, auto v) TENFOLD_INLINE {
      constexpr bool kIsLast = kIsPart && v == kVectors - 1;
      float* const at = c + r * c_stride + v * 16;
      if constexpr (kIsLast) {
        S::StorePart(at, sums[r][v], last_lanes);
      } else {
        S::Store(at, sums[r][v]);
      }
    });
  }

  // A panel against all rows.
  template <int kVectors, bool kIsPart>
  static void RowTiles(const Left& a, int64_t rows, const Number* b, int64_t steps, float* c, int64_t c_stride,
                       bool adds, int64_t last_lanes) {
    const auto left_at = [&](int64_t row) { return Left{a.data + row * a.row_stride, a.row_stride, a.step_stride}; };
    int64_t row = 0;
    for (; row + S::kTileRows <= rows; row += S::kTileRows) {
      Tile<S::kTileRows, kVectors, kIsPart>(left_at(row), b, steps, c + row * c_stride, c_stride, adds, last_lanes);
    }
    const int64_t rest = rows - row;
    [&]<int... kMinusOne>(std::integer_sequence<int, kMinusOne...>) {
      (void)((rest == kMinusOne + 1 && (Tile<kMinusOne + 1, kVectors, kIsPart>(
                                            left_at(row), b, steps, c + row * c_stride, c_stride, adds, last_lanes),
                                        true)) ||
             ...);
    }
    (std::make_integer_sequence<int, S::kTileRows - 1>());
  }

  // c [rows, cols] = a · b, or added; b as PackRight packs it. Nothing beyond cols is read or written.
  static void Multiply(const Left& a, int64_t rows, const Number* b, int64_t cols, int64_t steps, float* c,
                       int64_t c_stride, bool adds) {
    ForEachPanel(cols, [&](const Panel& panel) TENFOLD_INLINE {
      const int64_t last_lanes = std::min<int64_t>(16, cols - (panel.begin + panel.vectors - 1) * 16);
      const Number* const numbers = b + PanelOffset(panel, steps);
      float* const to = c + panel.begin * 16;
      [&]<int... kMinusOne>(std::integer_sequence<int, kMinusOne...>) {
        (void)((panel.vectors == kMinusOne + 1 &&
                (last_lanes == 16
                     ? RowTiles<kMinusOne + 1, false>(a, rows, numbers, steps, to, c_stride, adds, last_lanes)
                     : RowTiles<kMinusOne + 1, true>(a, rows, numbers, steps, to, c_stride, adds, last_lanes),
                 true)) ||
               ...);
      }
      (std::make_integer_sequence<int, S::kTileVectors>());
    });
  }
};

}  // namespace tenfold::kernels
