// Matrix products over packed tiles, written once over a Simd class (simd_avx512.h).
//
// A micro-kernel holds kRows activation rows x kTiles weight tiles of 16 in registers and walks K once. Sums per output
// element, in this order and no other, for 1 row as for 512 (law 2):
//   plain weights      one f32 chain, k ascending
//   quantized weights  exact integer dot per 32-block, then one f32 chain over the blocks in order
#pragma once

#include <algorithm>
#include <cstdint>

#include "tenfold/kernels/kernel_table.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

template <class S>
struct Matmul {
  using F32 = typename S::F32;
  using I32 = typename S::I32;
  using Bytes = typename S::Bytes;

  // Two tiles x five rows: 10 float and 10 integer accumulators, 2 weight registers and temporaries fit in 32
  // registers, and five rows share every unpacked weight. With up to kFewRows rows memory is the limit: one tile at a
  // time reads one stream.
  static constexpr int kMaxRows = 5;
  static constexpr int kFewRows = 4;

  // ---- Quantized weights: how one 32-block of one tile is stored, and its integer dot.
  struct Q8_0 {
    static constexpr int64_t kBlockBytes = kQuantBlock * kTileRows;
    static constexpr int kOffsetShift = 7;  // weights are stored plus 128
    template <class Dot>
    static void ForEachGroup(const uint8_t* block, Dot dot) {
      for (int g = 0; g < 8; ++g) dot(S::LoadBytes(block + g * 64), 4 * g);
    }
  };
  struct Q4_0 {
    static constexpr int64_t kBlockBytes = kQuantBlock * kTileRows / 2;
    static constexpr int kOffsetShift = 3;  // weights are stored plus 8
    template <class Dot>
    static void ForEachGroup(const uint8_t* block, Dot dot) {
      for (int g = 0; g < 4; ++g) {
        const Bytes packed = S::LoadBytes(block + g * 64);
        dot(S::LowNibbles(packed), 4 * g);
        dot(S::HighNibbles(packed), 4 * g + 16);
      }
    }
  };

  template <class Format, int kRows, int kTiles>
  static void QuantizedKernel(const std::byte* const* tiles, const QuantizedRows& x, int64_t first_row,
                              F32 (&sums)[kRows][kTiles]) {
    constexpr int64_t kStepBytes = 2 * Format::kBlockBytes + 64;
    const int64_t blocks_per_row = x.cols / kQuantBlock;
    const int8_t* const values = x.values + first_row * x.cols;
    const float* const scales = x.scales + first_row * blocks_per_row;
    const int32_t* const negative_sums = x.negative_sums + first_row * blocks_per_row;
    for (int r = 0; r < kRows; ++r) {
      for (int t = 0; t < kTiles; ++t) sums[r][t] = S::Zero();
    }
    for (int64_t b = 0; b < blocks_per_row; ++b) {
      I32 dots[kRows][kTiles];
      for (int r = 0; r < kRows; ++r) {
        const I32 start = S::SetInt(negative_sums[r * blocks_per_row + b] * (1 << Format::kOffsetShift));
        for (int t = 0; t < kTiles; ++t) dots[r][t] = start;
      }
      for (int t = 0; t < kTiles; ++t) {
        const auto* step = reinterpret_cast<const uint8_t*>(tiles[t]) + b / 2 * kStepBytes;
        Format::ForEachGroup(step + b % 2 * Format::kBlockBytes, [&](Bytes weights, int k) {
          for (int r = 0; r < kRows; ++r) {
            dots[r][t] = S::DotAdd(dots[r][t], weights, values + r * x.cols + b * kQuantBlock + k);
          }
        });
        const auto* weight_scales =
            reinterpret_cast<const tensor::F16*>(step + 2 * Format::kBlockBytes) + b % 2 * kTileRows;
        const F32 weight_scale = S::Load(weight_scales);
        for (int r = 0; r < kRows; ++r) {
          const F32 scale = S::Mul(weight_scale, S::Set(scales[r * blocks_per_row + b]));
          sums[r][t] = S::MulAdd(S::ToFloats(dots[r][t]), scale, sums[r][t]);
        }
      }
    }
  }

  // ---- Plain weights: F32, F16, BF16.
  template <class Number, int kRows, int kTiles>
  static void PlainKernel(const std::byte* const* tiles, int64_t cols, const float* x, int64_t stride,
                          F32 (&sums)[kRows][kTiles]) {
    for (int r = 0; r < kRows; ++r) {
      for (int t = 0; t < kTiles; ++t) sums[r][t] = S::Zero();
    }
    for (int64_t k = 0; k < cols; ++k) {
      F32 weights[kTiles];
      for (int t = 0; t < kTiles; ++t) weights[t] = S::Load(reinterpret_cast<const Number*>(tiles[t]) + k * kTileRows);
      for (int r = 0; r < kRows; ++r) {
        const F32 activation = S::Set(x[r * stride + k]);
        for (int t = 0; t < kTiles; ++t) sums[r][t] = S::MulAdd(activation, weights[t], sums[r][t]);
      }
    }
  }

  template <class Format, int kRows, int kTiles>
  static void Block(const PackedMatrix& w, int64_t tile, const MatmulInput& x, int64_t first_row, float* y,
                    int64_t y_stride) {
    const std::byte* tiles[kTiles];
    for (int t = 0; t < kTiles; ++t) tiles[t] = w.tile(tile + t);
    F32 sums[kRows][kTiles];
    if constexpr (requires { Format::kBlockBytes; }) {
      QuantizedKernel<Format, kRows, kTiles>(tiles, x.quantized, first_row, sums);
    } else {
      PlainKernel<Format, kRows, kTiles>(tiles, w.cols(), x.floats + first_row * x.stride, x.stride, sums);
    }
    for (int r = 0; r < kRows; ++r) {
      for (int t = 0; t < kTiles; ++t) {
        const int64_t column = (tile + t) * kTileRows;
        S::StorePart(y + (first_row + r) * y_stride + column, sums[r][t], std::min(kTileRows, w.rows() - column));
      }
    }
  }

  template <class Format, int kTiles>
  static void AllRows(const PackedMatrix& w, int64_t tile, const MatmulInput& x, float* y, int64_t y_stride) {
    // Splits evenly: 16 rows are 4 + 4 + 4 + 4, not 5 + 5 + 5 + 1.
    const int64_t num_blocks = (x.rows + kMaxRows - 1) / kMaxRows;
    for (int64_t block = 0; block < num_blocks; ++block) {
      const int64_t begin = x.rows * block / num_blocks;
      switch (x.rows * (block + 1) / num_blocks - begin) {
        case 1:
          Block<Format, 1, kTiles>(w, tile, x, begin, y, y_stride);
          break;
        case 2:
          Block<Format, 2, kTiles>(w, tile, x, begin, y, y_stride);
          break;
        case 3:
          Block<Format, 3, kTiles>(w, tile, x, begin, y, y_stride);
          break;
        case 4:
          Block<Format, 4, kTiles>(w, tile, x, begin, y, y_stride);
          break;
        default:
          Block<Format, 5, kTiles>(w, tile, x, begin, y, y_stride);
          break;
      }
    }
  }

  template <class Format>
  static void Tiles(const PackedMatrix& w, int64_t tile_begin, int64_t tile_end, const MatmulInput& x, float* y,
                    int64_t y_stride) {
    int64_t tile = tile_begin;
    if (x.rows > kFewRows) {
      for (; tile + 2 <= tile_end; tile += 2) AllRows<Format, 2>(w, tile, x, y, y_stride);
    }
    for (; tile < tile_end; ++tile) AllRows<Format, 1>(w, tile, x, y, y_stride);
  }

  static void Run(const PackedMatrix& w, int64_t tile_begin, int64_t tile_end, const MatmulInput& x, float* y,
                  int64_t y_stride) {
    switch (w.type()) {
      case tensor::DataType::kF32:
        return Tiles<float>(w, tile_begin, tile_end, x, y, y_stride);
      case tensor::DataType::kF16:
        return Tiles<tensor::F16>(w, tile_begin, tile_end, x, y, y_stride);
      case tensor::DataType::kBF16:
        return Tiles<tensor::Bf16>(w, tile_begin, tile_end, x, y, y_stride);
      case tensor::DataType::kQ8_0:
        return Tiles<Q8_0>(w, tile_begin, tile_end, x, y, y_stride);
      case tensor::DataType::kQ4_0:
        return Tiles<Q4_0>(w, tile_begin, tile_end, x, y, y_stride);
    }
  }
};

}  // namespace tenfold::kernels
