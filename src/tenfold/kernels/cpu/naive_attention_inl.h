// Attention in three passes over a matrix of all scores, on the tiles of attention_tile_inl.h: see naive_attention.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "tenfold/base/rounding.h"
#include "tenfold/kernels/cpu/attention_inl.h"

namespace tenfold::kernels {

template <class Flash>
struct NaiveAttentionKernel {
  using S = typename Flash::Simd;
  using F32 = typename S::F32;
  using Tile = typename Flash::Tile;
  using Block = typename Tile::Block;
  using Operand = typename Tile::Operand;
  static constexpr int64_t kKeys = kAttentionKeys;

  // The products of one tile and one block.
  struct Products {
    void (*scores)(const Block&, int64_t key_rows, const Operand* queries, float* scores);
    void (*weigh)(const Block&, const Operand* weights, int64_t begin, int64_t end, int64_t width, float* outputs);
  };
  template <int kRows>
  static void AllScores(const Block& block, int64_t key_rows, const Operand* queries, float* scores) {
    for (int64_t part = 0; part < Tile::kParts; part += S::kTileVectors) {
      Tile::template Scores<kRows, S::kTileVectors>(block, part, key_rows, queries, scores);
    }
  }
  template <int... kMinusOne>
  static constexpr std::array<Products, sizeof...(kMinusOne)> ProductsOf(std::integer_sequence<int, kMinusOne...>) {
    return {Products{AllScores<kMinusOne + 1>, Tile::template Weigh<kMinusOne + 1>}...};
  }
  static constexpr auto kProducts = ProductsOf(std::make_integer_sequence<int, S::kTileRows>());

  static void Run(const KvLayout& layout, const AttentionPiece& piece) {
    const AttentionChunk& chunk = piece.parts[0];  // the only one
    const int64_t num_rows = piece.num_rows(), num_keys = chunk.num_keys(), width = layout.padded_head_dim();
    const int64_t rows_per_tile = Flash::RowsPerTile(num_rows);
    const int64_t num_blocks = CeilDivide(num_keys, kKeys);
    const int64_t tile_floats = rows_per_tile * kKeys;  // of one tile of rows and one block of keys
    const int64_t matrix_floats = CeilDivide(num_rows, rows_per_tile) * num_blocks * tile_floats;
    // [tiles][blocks][rows of the tile][kKeys]
    float* const scores = piece.scratch;
    auto* const weights = reinterpret_cast<Operand*>(scores + matrix_floats);
    float* const state_floats = scores + 2 * matrix_floats;
    const AttentionState state(state_floats, num_rows, width);
    auto* const queries = reinterpret_cast<Operand*>(state_floats + AttentionStateFloats(num_rows, layout));
    Flash::PackQueries(layout, piece, piece.parts, queries);
    std::fill_n(state.outputs, num_rows * width, 0.0f);

    const auto for_each_tile = [&](auto body) {
      for (int64_t index = 0; index < num_blocks; ++index) {
        const int64_t first_key = index * kKeys, count = std::min(kKeys, num_keys - first_key);
        const Block block = Flash::FindBlock(layout, piece, chunk.page_ids, nullptr, nullptr, first_key, count);
        for (int64_t row = 0; row < num_rows; row += rows_per_tile) {
          const auto rows = static_cast<size_t>(std::min(rows_per_tile, num_rows - row));
          body(block, count, row, (row / rows_per_tile * num_blocks + index) * tile_floats, kProducts[rows - 1]);
        }
      }
    };
    for_each_tile([&](const Block& block, int64_t, int64_t row, int64_t tile, const Products& products) {
      products.scores(block, layout.key_rows(), queries + row * layout.key_rows() * Tile::kPerLane, scores + tile);
    });
    for (int64_t row = 0; row < num_rows; ++row) {
      const int64_t in_tile = row / rows_per_tile * num_blocks * tile_floats + row % rows_per_tile * kKeys;
      const int64_t visible = chunk.first_position + row / piece.group_size + 1;
      state.sums[row] = Softmax(scores + in_tile, visible, num_blocks, tile_floats, weights + in_tile);
    }
    for_each_tile([&](const Block& block, int64_t count, int64_t row, int64_t tile, const Products& products) {
      const int64_t steps = CeilDivide(count, Tile::kPerLane);
      products.weigh(block, weights + tile, 0, steps, width, state.outputs + row * width);
    });
    Flash::Finish(layout, piece, state_floats);
  }

  // One row of the matrix, whose blocks are tile_floats apart: its maximum, then its weights. Returns their sum.
  static float Softmax(const float* scores, int64_t visible, int64_t num_blocks, int64_t tile_floats,
                       Operand* weights) {
    const auto for_each_part = [&](auto body) {
      for (int64_t key = 0; key < num_blocks * kKeys; key += 16) {
        body(key / kKeys * tile_floats + key % kKeys, std::clamp<int64_t>(visible - key, 0, 16));
      }
    };
    F32 greatest = S::Set(Tile::kMinusInfinity);
    for_each_part([&](int64_t at, int64_t count) {
      greatest = S::Max(greatest, S::KeepFirst(S::Load(scores + at), count, Tile::kMinusInfinity));
    });
    const F32 maximum = S::Set(S::ReduceMax(greatest));
    F32 sum = S::Zero();
    for_each_part([&](int64_t at, int64_t count) {
      const F32 weight = S::KeepFirst(Tile::Numbers::Weight(S::Sub(S::Load(scores + at), maximum)), count, 0.0f);
      S::Store(weights + at, weight);
      sum = S::Add(sum, weight);
    });
    return S::ReduceAdd(sum);
  }
};

template <class S>
void RunNaiveAttention(const KvLayout& layout, const AttentionPiece& piece) {
  WithAttentionOf<S>(layout, [&](auto attention) { NaiveAttentionKernel<decltype(attention)>::Run(layout, piece); });
}

}  // namespace tenfold::kernels
