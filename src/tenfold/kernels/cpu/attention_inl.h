// FlashAttention over KV pages, written once over a Simd class (simd_avx512.h).
//
// Exact attention with an online softmax (Dao et al., arXiv 2205.14135 and 2307.08691) over blocks of kAttentionKeys
// keys, within ranges of kAttentionRange keys, both at absolute positions. Each range of keys gives a partial state
// (maximum, sum, un-normalized output), and states are merged in the order of the ranges, whether one thread computed
// them or several (Flash-Decoding). So a query's sums have the same order whatever the chunk it arrives in, the page
// size, the queries beside it or the number of threads (law 2). Keys beyond a query's own position do not enter its
// sums.
//
// The query heads of a group, and neighbouring queries, stand as rows beside each other and share every key and value
// that is read: a single decoded token of a grouped model is a product of small matrices, not of a matrix and a vector.
// So do the rows of several sequences against pages that they share.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "tenfold/base/rounding.h"
#include "tenfold/kernels/cpu/attention_tile_inl.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

// A partial result of attention: see kernel_table.h, AttentionStateFloats.
struct AttentionState {
  AttentionState(float* floats, int64_t num_rows, int64_t width)
      : outputs(floats), maxima(floats + num_rows * width), sums(maxima + num_rows) {}
  float* outputs;  // [rows, width], not divided by the sum
  float* maxima;   // [rows]
  float* sums;     // [rows]; 0 where a row saw no key
};

template <class S, class Number>
struct Attention {
  using Simd = S;
  using F32 = typename S::F32;
  using Tile = AttentionTile<S, Number>;
  using Block = typename Tile::Block;
  using Operand = typename Tile::Operand;
  static constexpr int64_t kKeys = kAttentionKeys;
  static constexpr int64_t kPerLane = Tile::kPerLane;

  // AttentionScratchFloats, divided up.
  struct Scratch {
    Scratch(const KvLayout& layout, const AttentionPiece& piece) {
      const int64_t num_rows = piece.num_rows();
      float* next = piece.scratch;
      const auto take = [&next](int64_t floats) { return std::exchange(next, next + RoundUp(floats, 16)); };
      scores = take(kAttentionTileRows * kKeys);
      weights = reinterpret_cast<Operand*>(take(kAttentionTileRows * kKeys));
      lane_sums = take(num_rows * 16);
      queries = reinterpret_cast<Operand*>(take(num_rows * layout.key_rows()));
      shared_queries = reinterpret_cast<Operand*>(take(num_rows * layout.key_rows()));
      partial = take(AttentionStateFloats(num_rows, layout));
      expanded_keys = reinterpret_cast<Number*>(next);
      expanded_values = expanded_keys + layout.key_rows() * kKeys * kPerLane;
    }
    float* scores;
    Operand* weights;
    float* lane_sums;
    Operand* queries;         // [parts][tiles of a part][key_rows][rows of the tile][kPerLane]
    Operand* shared_queries;  // [tiles of all rows][key_rows][rows of the tile][kPerLane], with several parts only
    float* partial;
    Number* expanded_keys;    // [key_rows][kKeys][kPerLane], quantized caches only
    Number* expanded_values;  // [kKeys / kPerLane][padded_head_dim][kPerLane]
  };

  // As equal as possible, not six rows and then two.
  static int64_t RowsPerTile(int64_t num_rows) {
    const int64_t num_tiles = CeilDivide(num_rows, S::kTileRows);
    return CeilDivide(num_rows, num_tiles);
  }

  static const std::byte* PageOf(const KvLayout& layout, const std::byte* pages, const int32_t* page_ids, int64_t key) {
    return pages + static_cast<size_t>(page_ids[key / layout.page_size]) * layout.page_bytes();
  }

  // The block of keys that begins at first_key. A quantized one is expanded into the two buffers.
  static Block FindBlock(const KvLayout& layout, const AttentionPiece& piece, const int32_t* page_ids,
                         Number* expanded_keys, Number* expanded_values, int64_t first_key, int64_t num_keys) {
    Block block{};
    block.key_stride = (layout.is_quantized() ? kKeys : layout.page_size) * kPerLane;
    const int64_t num_parts = CeilDivide(num_keys, 16);
    for (int64_t part = 0; part < num_parts; ++part) {
      const int64_t key = first_key + part * 16;
      const int64_t slot = key % layout.page_size;
      const std::byte* const page = PageOf(layout, piece.pages, page_ids, key);
      const std::byte* const keys = page + layout.keys_offset(piece.layer, piece.kv_head);
      const std::byte* const values = page + layout.values_offset(piece.layer, piece.kv_head);
      if (layout.is_quantized()) {
        if constexpr (kPerLane == 2) {
          Number* const to_keys = expanded_keys + part * 16 * kPerLane;
          Number* const to_values = expanded_values + part * 16 * layout.padded_head_dim();
          ExpandKeys(layout, keys, slot, to_keys);
          ExpandValues(layout, values, slot, to_values);
          block.keys[part] = to_keys;
          block.values[part] = to_values;
        }
      } else {
        block.keys[part] = reinterpret_cast<const Number*>(keys) + slot * kPerLane;
        block.values[part] = reinterpret_cast<const Number*>(values) + slot * layout.padded_head_dim();
      }
    }
    for (int64_t part = num_parts; part < Tile::kParts; ++part) block.keys[part] = block.keys[num_parts - 1];
    return block;
  }

  // Of the chunk's block that begins at first_key or, behind its last, of the first one of what comes after the piece.
  // Where pages are greater than a block, it is not in one piece and the processor must find it alone.
  static BlockPrefetch PrefetchOf(const KvLayout& layout, const AttentionPiece& piece, const AttentionChunk& chunk,
                                  int64_t first_key) {
    BlockPrefetch prefetch;
    if (layout.page_size > kKeys) return prefetch;
    AttentionKeys keys{chunk.page_ids, piece.kv_head, chunk.num_keys()};
    if (first_key >= keys.num_keys) {
      keys = piece.next;
      first_key = 0;
    }
    prefetch.chunk_bytes = static_cast<int64_t>(layout.keys_bytes() + layout.values_bytes());
    const size_t offset = layout.keys_offset(piece.layer, keys.kv_head);
    const int64_t end = std::min(first_key + kKeys, keys.num_keys);
    for (int64_t key = first_key; key < end; key += layout.page_size) {
      prefetch.chunks[static_cast<size_t>(prefetch.num_chunks++)] =
          PageOf(layout, piece.pages, keys.page_ids, key) + offset;
    }
    return prefetch;
  }

  // Sixteen tokens' keys from integers to pairs. A lane is a token, so its scale stands in the same lane.
  static void ExpandKeys(const KvLayout& layout, const std::byte* keys, int64_t slot, tensor::Bf16* to) {
    const auto* const numbers = reinterpret_cast<const int8_t*>(keys);
    const auto* const scales = reinterpret_cast<const tensor::F16*>(keys + layout.key_numbers_bytes());
    F32 scale = S::Zero();
    for (int64_t row = 0; row < layout.key_rows(); ++row) {
      if (row * 2 % KvLayout::kScaleBlock == 0) {
        scale = S::Load(scales + row * 2 / KvLayout::kScaleBlock * layout.page_size + slot);
      }
      F32 even, odd;
      S::LoadInt8Pairs(numbers + (row * layout.page_size + slot) * 2, even, odd);
      S::StorePairs(to + row * kKeys * 2, S::PackPairs(S::Mul(even, scale), S::Mul(odd, scale)));
    }
  }

  // Sixteen tokens' values. A lane is a dimension of two tokens, each with its own scale.
  static void ExpandValues(const KvLayout& layout, const std::byte* values, int64_t slot, tensor::Bf16* to) {
    const int64_t width = layout.padded_head_dim();
    const auto* const numbers = reinterpret_cast<const int8_t*>(values);
    const auto* const scales = reinterpret_cast<const tensor::F16*>(values + layout.value_numbers_bytes());
    for (int64_t d = 0; d < width; d += 16) {
      float scale[16];
      S::Store(scale, S::Load(scales + d / KvLayout::kScaleBlock * layout.page_size + slot));
      for (int64_t token = 0; token < 16; token += 2) {
        F32 even, odd;
        S::LoadInt8Pairs(numbers + (slot + token) * width + d * 2, even, odd);
        const auto pairs = S::PackPairs(S::Mul(even, S::Set(scale[token])), S::Mul(odd, S::Set(scale[token + 1])));
        S::StorePairs(to + token * width + d * 2, pairs);
      }
    }
  }

  // Scales the queries of some parts, rounds them to Operands and lays them out as tiles of these parts' rows read
  // them.
  static void PackQueries(const KvLayout& layout, const AttentionPiece& piece, std::span<const AttentionChunk> parts,
                          Operand* packed) {
    const F32 scale = S::Set(piece.scale * Tile::Numbers::kScoreUnit);
    int64_t num_rows = 0;
    for (const AttentionChunk& part : parts) num_rows += piece.num_rows_of(part);
    const int64_t rows_per_tile = RowsPerTile(num_rows), key_rows = layout.key_rows();
    int64_t row = 0;
    for (const AttentionChunk& part : parts) {
      for (int64_t row_of_part = 0; row_of_part < piece.num_rows_of(part); ++row_of_part, ++row) {
        const int64_t tile = row / rows_per_tile * rows_per_tile;
        const int64_t rows_in_tile = std::min(rows_per_tile, num_rows - tile);
        Operand* const to = packed + (tile * key_rows + row - tile) * kPerLane;
        const float* const query = piece.queries + piece.offset_of_row(part, row_of_part, layout.head_dim);
        RowOps<S>::ForEachVector(layout.head_dim, [&](int64_t d, int64_t n) {
          Operand rounded[16];  // zeros from n on: an odd head's last pair
          S::Store(rounded, S::Mul(RowOps<S>::LoadSome(query + d, n), scale));
          for (int64_t i = 0; i < n; i += kPerLane) {
            std::copy_n(rounded + i, kPerLane, to + (d + i) * rows_in_tile);
          }
        });
      }
    }
  }

  using RunTile = void (*)(const Block&, int64_t, const Operand*, const typename Tile::Rows&, int64_t, const int64_t*);
  template <int... kMinusOne>
  static constexpr std::array<RunTile, sizeof...(kMinusOne)> TilesOf(std::integer_sequence<int, kMinusOne...>) {
    return {Tile::template Run<kMinusOne + 1>...};
  }
  static constexpr auto kTiles = TilesOf(std::make_integer_sequence<int, S::kTileRows>());

  // Rows [first_row, first_row + num_rows) of the state against one block; packed queries are these rows' own.
  // visible_of(i) is how many of the block's keys the i-th of them sees.
  template <class VisibleOf>
  static void RunBlock(const KvLayout& layout, const Block& block, const Operand* queries,
                       const typename Tile::Rows& rows, int64_t first_row, int64_t num_rows, VisibleOf visible_of) {
    const int64_t rows_per_tile = RowsPerTile(num_rows);
    for (int64_t row = 0; row < num_rows; row += rows_per_tile) {
      const int64_t count = std::min(rows_per_tile, num_rows - row);
      int64_t visible[S::kTileRows];
      for (int64_t r = 0; r < count; ++r) visible[r] = visible_of(row + r);
      if (visible[count - 1] == 0) continue;
      kTiles[static_cast<size_t>(count - 1)](block, layout.key_rows(), queries + row * layout.key_rows() * kPerLane,
                                             rows, first_row + row, visible);
    }
  }

  // The state of one range of keys: first the blocks that all parts share, then each part's own. So every row meets its
  // blocks in order.
  static void ComputeRange(const KvLayout& layout, const AttentionPiece& piece, const Scratch& scratch, int64_t range,
                           float* floats) {
    static_assert(S::kTileRows <= kAttentionTileRows);
    const int64_t num_rows = piece.num_rows(), width = layout.padded_head_dim();
    const AttentionState state(floats, num_rows, width);
    std::fill_n(state.outputs, num_rows * width, 0.0f);
    std::fill_n(state.maxima, num_rows, Tile::kMinusInfinity);
    std::fill_n(scratch.lane_sums, num_rows * 16, 0.0f);
    const typename Tile::Rows rows{width,          state.outputs,  state.maxima, scratch.lane_sums,
                                   scratch.scores, scratch.weights};
    const int64_t begin = range * kAttentionRange, end = begin + kAttentionRange;
    const int64_t own_begin = std::clamp(piece.num_shared_keys, begin, end);
    const auto block_at = [&](const AttentionChunk& part, int64_t first_key, int64_t num_keys) TENFOLD_INLINE {
      return FindBlock(layout, piece, part.page_ids, scratch.expanded_keys, scratch.expanded_values, first_key,
                       num_keys);
    };
    for (int64_t first_key = begin; first_key < own_begin; first_key += kKeys) {
      const Block block = block_at(piece.parts[0], first_key, kKeys);
      block.next = PrefetchOf(layout, piece, piece.parts[0], first_key + kKeys);
      RunBlock(layout, block, scratch.shared_queries, rows, 0, num_rows, [](int64_t) { return kKeys; });
    }
    int64_t first_row = 0;
    for (size_t i = 0; i < piece.parts.size(); ++i) {
      const AttentionChunk& part = piece.parts[i];
      const int64_t part_rows = piece.num_rows_of(part), part_end = std::min(end, part.num_keys());
      for (int64_t first_key = own_begin; first_key < part_end; first_key += kKeys) {
        const Block block = block_at(part, first_key, std::min(kKeys, part_end - first_key));
        const bool goes_on = first_key + kKeys < part_end || i + 1 == piece.parts.size();
        block.next = goes_on ? PrefetchOf(layout, piece, part, first_key + kKeys)
                             : PrefetchOf(layout, piece, piece.parts[i + 1], own_begin);
        RunBlock(layout, block, scratch.queries + first_row * layout.key_rows() * kPerLane, rows, first_row, part_rows,
                 [&](int64_t row) TENFOLD_INLINE {
                   if (part.first_position + 1 >= first_key + kKeys) return kKeys;
                   return std::clamp<int64_t>(part.first_position + row / piece.group_size + 1 - first_key, 0, kKeys);
                 });
      }
      first_row += part_rows;
    }
    for (int64_t row = 0; row < num_rows; ++row) {
      state.sums[row] = S::ReduceAdd(S::Load(scratch.lane_sums + row * 16));
    }
  }

  static void Run(const KvLayout& layout, const AttentionPiece& piece, int64_t first_range, int64_t end_range,
                  float* state) {
    const Scratch scratch(layout, piece);
    Operand* queries = scratch.queries;
    for (const AttentionChunk& part : piece.parts) {
      PackQueries(layout, piece, {&part, 1}, queries);
      queries += piece.num_rows_of(part) * layout.key_rows() * kPerLane;
    }
    if (piece.num_shared_keys > 0) PackQueries(layout, piece, piece.parts, scratch.shared_queries);
    for (int64_t range = first_range; range < end_range; ++range) {
      ComputeRange(layout, piece, scratch, range, range == first_range ? state : scratch.partial);
      if (range > first_range) Merge(layout, piece.num_rows(), scratch.partial, state);
    }
  }

  // into = into and then `from`, whose keys stand behind.
  static void Merge(const KvLayout& layout, int64_t num_rows, const float* from_floats, float* into_floats) {
    const int64_t width = layout.padded_head_dim();
    const AttentionState from(const_cast<float*>(from_floats), num_rows, width), into(into_floats, num_rows, width);
    for (int64_t row = 0; row < num_rows; ++row) {
      if (from.sums[row] == 0) continue;  // before those keys: as if there were no such range
      const float maximum = std::max(into.maxima[row], from.maxima[row]);
      const F32 old_scale = Tile::Rescale(into.maxima[row] - maximum);
      const F32 new_scale = Tile::Rescale(from.maxima[row] - maximum);
      for (int64_t d = row * width; d < (row + 1) * width; d += 16) {
        const F32 old_part = S::Mul(S::Load(into.outputs + d), old_scale);
        S::Store(into.outputs + d, S::MulAdd(S::Load(from.outputs + d), new_scale, old_part));
      }
      float sums[16];
      S::Store(sums, S::MulAdd(S::Set(from.sums[row]), new_scale, S::Mul(S::Set(into.sums[row]), old_scale)));
      into.sums[row] = sums[0];
      into.maxima[row] = maximum;
    }
  }

  static void Finish(const KvLayout& layout, const AttentionPiece& piece, const float* floats) {
    const int64_t width = layout.padded_head_dim();
    const AttentionState state(const_cast<float*>(floats), piece.num_rows(), width);
    int64_t row = 0;
    for (const AttentionChunk& part : piece.parts) {
      for (int64_t row_of_part = 0; row_of_part < piece.num_rows_of(part); ++row_of_part, ++row) {
        const F32 inverse = S::Set(1.0f / state.sums[row]);
        float* const output = piece.outputs + piece.offset_of_row(part, row_of_part, layout.head_dim);
        RowOps<S>::ForEachVector(layout.head_dim, [&](int64_t d, int64_t n) {
          RowOps<S>::StoreSome(output + d, S::Mul(S::Load(state.outputs + row * width + d), inverse), n);
        });
      }
    }
  }
};

// Calls body with the Attention of the cache's numbers.
template <class S, class Body>
void WithAttentionOf(const KvLayout& layout, Body body) {
  switch (layout.type) {
    case tensor::DataType::kF32:
      return body(Attention<S, float>());
    case tensor::DataType::kF16:
      return body(Attention<S, tensor::F16>());
    default:
      return body(Attention<S, tensor::Bf16>());
  }
}

template <class S>
void RunAttention(const KvLayout& layout, const AttentionPiece& piece, int64_t first_range, int64_t end_range,
                  float* state) {
  WithAttentionOf<S>(layout, [&](auto attention) { attention.Run(layout, piece, first_range, end_range, state); });
}
template <class S>
void MergeAttention(const KvLayout& layout, int64_t num_rows, const float* from, float* into) {
  WithAttentionOf<S>(layout, [&](auto attention) { attention.Merge(layout, num_rows, from, into); });
}
template <class S>
void FinishAttention(const KvLayout& layout, const AttentionPiece& piece, const float* state) {
  WithAttentionOf<S>(layout, [&](auto attention) { attention.Finish(layout, piece, state); });
}

}  // namespace tenfold::kernels
