// Matrix products over packed tiles and packed rows, written once over a Simd class (simd_avx512.h).
//
// A micro-kernel holds some activation rows x one or two weight tiles in registers and walks K once. Sums per output
// element, in this order and no other, for 1 row as for 512 (law 2):
//   F32, F16 weights   one f32 chain of fused multiply-adds, k ascending
//   BF16 weights       one f32 chain over pairs of k
//   quantized weights  exact integer dots, then one f32 chain over the blocks (quantized_matmul_inl.h)
//
// Few rows: memory is the limit, so one tile at a time is read as one stream, fetched some KB ahead. More rows: two
// tiles at a time share every broadcast activation, all row tiles pass over them while they are in the caches nearby,
// and the next two tiles are fetched meanwhile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "tenfold/kernels/cpu/quantized_matmul_inl.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

// F32 and F16 weights; activations are row-major floats.
template <class S, class Number, int kRows, int kTiles>
struct FloatKernel {
  using F32 = typename S::F32;

  static void Run(const std::byte* const* tiles, int64_t cols, const float* x, Prefetch& prefetch,
                  F32 (&sums)[kRows][kTiles]) {
    for (int r = 0; r < kRows; ++r) {
      for (int t = 0; t < kTiles; ++t) sums[r][t] = S::Zero();
    }
    for (int64_t begin = 0; begin < cols; begin += kQuantBlock) {
      prefetch.Next();
      const int64_t end = std::min(cols, begin + kQuantBlock);
      for (int64_t k = begin; k < end; ++k) {
        F32 weights[kTiles];
        for (int t = 0; t < kTiles; ++t)
          weights[t] = S::Load(reinterpret_cast<const Number*>(tiles[t]) + k * kTileRows);
        for (int r = 0; r < kRows; ++r) {
          const F32 activation = S::Set(x[r * cols + k]);
          for (int t = 0; t < kTiles; ++t) sums[r][t] = S::MulAdd(activation, weights[t], sums[r][t]);
        }
      }
    }
  }
};

// BF16 weights and activations.
template <class S, int kRows, int kTiles>
struct Bf16Kernel {
  using F32 = typename S::F32;
  using Pairs = typename S::Pairs;

  static void Run(const std::byte* const* tiles, int64_t cols, const std::byte* x, Prefetch& prefetch,
                  F32 (&sums)[kRows][kTiles]) {
    const auto* activations = reinterpret_cast<const tensor::Bf16*>(x);
    for (int r = 0; r < kRows; ++r) {
      for (int t = 0; t < kTiles; ++t) sums[r][t] = S::Zero();
    }
    for (int64_t begin = 0; begin < cols; begin += kQuantBlock) {
      prefetch.Next();
      for (int64_t k = 0; k < kQuantBlock; k += 2) {
        Pairs weights[kTiles];
        for (int t = 0; t < kTiles; ++t)
          weights[t] = S::LoadPairs(reinterpret_cast<const tensor::Bf16*>(tiles[t]) + (begin + k) * kTileRows);
        for (int r = 0; r < kRows; ++r) {
          const Pairs activation = S::SetPair(activations + r * kQuantBlock + k);
          for (int t = 0; t < kTiles; ++t) sums[r][t] = S::DotPairs(sums[r][t], weights[t], activation);
        }
      }
      activations += kRows * kQuantBlock;
    }
  }
};

template <class S>
struct Matmul {
  using F32 = typename S::F32;
  using Formats = WeightFormats<S>;

  static constexpr int64_t kMaxRows = S::kMatmulRows;
  static constexpr int kMaxTiles = S::kMatmulTiles;
  // Up to this many rows memory is the limit.
  static constexpr int64_t kFewRows = 4;
  // How far ahead of one stream to fetch: what memory delivers to one core in about 200 ns.
  static constexpr int64_t kStreamAheadBytes = 4608;
  // A single row has so little to compute for so many bytes of 32 K that the processor's own prefetcher keeps up, and
  // requests beside its own cost a fifth of the bandwidth (Q8_0 on Zen 4).
  static constexpr int64_t kDenseBlockBytes = 512;

  // The weight tiles of one pass: where their bits are, and which columns of y they make.
  template <int kTiles>
  struct WeightTiles {
    const std::byte* data[kTiles];
    int64_t first;
  };

  template <class Format, int kRows, int kTiles>
  static void RowTileTimesTiles(const MatmulPiece& piece, const WeightTiles<kTiles>& tiles, const RowTile& rows,
                                Prefetch& prefetch) {
    const PackedMatrix& w = *piece.weights;
    const PackedRows& x = *piece.x;
    F32 sums[kRows][kTiles];
    if constexpr (requires { Format::kStepBytes; }) {
      QuantizedKernel<S, Format, kRows, kTiles>::Run(tiles.data, w.padded_cols() / kQuantBlock, x.tile_data(rows),
                                                     x.extra_data(rows), prefetch, sums);
    } else if constexpr (std::is_same_v<Format, tensor::Bf16>) {
      Bf16Kernel<S, kRows, kTiles>::Run(tiles.data, w.padded_cols(), x.tile_data(rows), prefetch, sums);
    } else {
      FloatKernel<S, Format, kRows, kTiles>::Run(tiles.data, w.cols(), x.floats + rows.begin * x.cols, prefetch, sums);
    }
    for (int r = 0; r < kRows; ++r) {
      const int64_t row = rows.begin + r;
      for (int t = 0; t < kTiles; ++t) {
        const int64_t column = (tiles.first + t) * kTileRows;
        F32 sum = sums[r][t];
        if constexpr (requires { Format::kStepBytes; }) sum = S::Mul(sum, S::Set(x.factors[row]));
        S::StorePart(piece.y + row * w.rows() + column, sum, std::min(kTileRows, w.rows() - column));
      }
    }
  }

  template <class Format, int kTiles, int kRows = static_cast<int>(kMaxRows)>
  static void Dispatch(const MatmulPiece& piece, const WeightTiles<kTiles>& tiles, const RowTile& rows,
                       Prefetch& prefetch) {
    if (rows.count == kRows) {
      RowTileTimesTiles<Format, kRows, kTiles>(piece, tiles, rows, prefetch);
    } else if constexpr (kRows > 1) {
      Dispatch<Format, kTiles, kRows - 1>(piece, tiles, rows, prefetch);
    }
  }

  // All rows against kTiles tiles. `next` begins the tiles that this thread will probably want next.
  template <class Format, int kTiles>
  static void AllRows(const MatmulPiece& piece, int64_t tile, const std::byte* next) {
    const PackedMatrix& w = *piece.weights;
    const int64_t blocks_per_pass = w.padded_cols() / kQuantBlock;
    const int64_t num_passes = piece.x->num_tiles();
    const auto num_lines = static_cast<int64_t>(w.tile_bytes()) * kTiles / 64;
    const auto lines_per_block = static_cast<int>(CeilDivide(num_lines, blocks_per_pass * num_passes));
    Prefetch prefetch{next, next == nullptr ? 0 : lines_per_block};
    const std::byte* const end = next + num_lines * 64;
    WeightTiles<kTiles> tiles{.data = {}, .first = tile};
    for (int t = 0; t < kTiles; ++t) tiles.data[t] = w.tile(tile + t);
    if constexpr (requires { Format::kUnpackFrom; }) {
      if (num_passes >= Format::kUnpackFrom) {
        using Unpacked = UnpackedFormat<S, Format>;
        for (int t = 0; t < kTiles; ++t) {
          std::byte* const unpacked = piece.scratch + t * blocks_per_pass * Unpacked::kStepBytes;
          Unpacked::Unpack(tiles.data[t], blocks_per_pass, unpacked);
          tiles.data[t] = unpacked;
        }
        return Passes<Unpacked>(piece, tiles, prefetch, end);
      }
    }
    Passes<Format>(piece, tiles, prefetch, end);
  }

  template <class Format, int kTiles>
  static void Passes(const MatmulPiece& piece, const WeightTiles<kTiles>& tiles, Prefetch prefetch,
                     const std::byte* prefetch_end) {
    for (int64_t pass = 0; pass < piece.x->num_tiles(); ++pass) {
      if (prefetch.at >= prefetch_end) prefetch.lines_per_block = 0;
      Dispatch<Format, kTiles>(piece, tiles, piece.x->tile(pass), prefetch);
    }
  }

  template <class Format>
  static void Stream(const MatmulPiece& piece) {
    const PackedMatrix& w = *piece.weights;
    const auto lines_per_tile = static_cast<int64_t>(w.tile_bytes()) / 64;
    const int64_t lines_per_block = CeilDivide(lines_per_tile, w.padded_cols() / kQuantBlock);
    const bool is_fetched_anyway = piece.x->rows == 1 && lines_per_block * 64 >= kDenseBlockBytes;
    for (int64_t tile = piece.tile_begin; tile < piece.tile_end; ++tile) {
      Prefetch prefetch{w.tile(tile) + kStreamAheadBytes, is_fetched_anyway ? 0 : static_cast<int>(lines_per_block)};
      Dispatch<Format, 1>(piece, {.data = {w.tile(tile)}, .first = tile}, piece.x->tile(0), prefetch);
    }
  }

  template <class Format>
  static void Tiles(const MatmulPiece& piece) {
    const PackedMatrix& w = *piece.weights;
    if (piece.x->rows <= std::min(kFewRows, kMaxRows)) return Stream<Format>(piece);
    int64_t tile = piece.tile_begin;
    for (; tile + kMaxTiles <= piece.tile_end; tile += kMaxTiles) {
      const int64_t next = tile + 2 * kMaxTiles <= piece.tile_end ? tile + kMaxTiles : piece.next_tile;
      AllRows<Format, kMaxTiles>(piece, tile, next + kMaxTiles <= w.num_tiles() ? w.tile(next) : nullptr);
    }
    for (; tile < piece.tile_end; ++tile) AllRows<Format, 1>(piece, tile, nullptr);
  }

  static void Run(const MatmulPiece& piece) {
    using tensor::DataType;
    switch (piece.weights->type()) {
      case DataType::kF32:
        return Tiles<float>(piece);
      case DataType::kF16:
        return Tiles<tensor::F16>(piece);
      case DataType::kBF16:
        return Tiles<tensor::Bf16>(piece);
      case DataType::kQ8_0:
        return Tiles<typename Formats::Q8_0>(piece);
      case DataType::kQ4_0:
        return Tiles<typename Formats::Q4_0>(piece);
      case DataType::kQ4_K:
        return Tiles<typename Formats::Q4_K>(piece);
      case DataType::kQ5_K:
        return Tiles<typename Formats::Q5_K>(piece);
      case DataType::kQ6_K:
        return Tiles<typename Formats::Q6_K>(piece);
    }
  }
};

}  // namespace tenfold::kernels
