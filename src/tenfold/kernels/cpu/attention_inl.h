// FlashAttention over KV pages, written once over a Simd class (simd_avx512.h).
//
// Exact attention with an online softmax (Dao et al., arXiv 2205.14135 and 2307.08691) over blocks of kKeys keys that
// begin at absolute positions 0, 64, 128, ...: a query's sums have the same order whatever the chunk it arrives in, the
// page size or the queries beside it (law 2). Keys beyond a query's own position do not enter its sums at all.
//
// The query heads of a group stand as rows beside each other and share every key and value that is read; a piece of
// several queries has queries x group rows. Scratch per row: the scaled query, the un-normalized output, kKeys weights,
// and 16 + 1 floats of running sum and maximum.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tenfold/kernels/cpu/row_ops_inl.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

template <class S, class Number>
struct Attention {
  using F32 = typename S::F32;
  static constexpr int64_t kKeys = kAttentionKeys;
  static constexpr int64_t kVectors = kKeys / 16;
  static constexpr int kRowsAtOnce = 4;

  struct Rows {
    float* queries;  // [rows, head_dim], scaled
    float* outputs;  // [rows, padded_head_dim], not yet divided by the sum
    float* weights;  // [rows, kKeys]
    float* sums;     // [rows, 16]
    float* maxima;   // [rows]
    int64_t count;
  };

  // Where the 16-key parts of one block of keys lie.
  struct Block {
    const Number* keys[kVectors];    // [head_dim] rows of page_size
    const Number* values[kVectors];  // [16] rows of padded_head_dim
    int64_t num_parts;
  };

  static Block FindBlock(const KvLayout& layout, const AttentionPiece& piece, int64_t first_key, int64_t num_keys) {
    Block block{};
    block.num_parts = (std::min(num_keys, kKeys) + 15) / 16;
    for (int64_t part = 0; part < block.num_parts; ++part) {
      const int64_t key = first_key + part * 16;
      const int64_t in_page = key % layout.page_size;
      const std::byte* page =
          piece.pages + static_cast<size_t>(piece.page_ids[key / layout.page_size]) * layout.page_bytes();
      block.keys[part] =
          reinterpret_cast<const Number*>(page + layout.keys_offset(piece.layer, piece.kv_head)) + in_page;
      block.values[part] = reinterpret_cast<const Number*>(page + layout.values_offset(piece.layer, piece.kv_head)) +
                           in_page * layout.padded_head_dim();
    }
    return block;
  }

  // weights[row][key] = query . key for kRows rows; one chain over head_dim per score.
  template <int kRows>
  static void Scores(const KvLayout& layout, const Block& block, const float* queries, float* weights) {
    for (int64_t part = 0; part < block.num_parts; ++part) {
      F32 sums[kRows];
      for (int r = 0; r < kRows; ++r) sums[r] = S::Zero();
      const Number* keys = block.keys[part];
      for (int64_t d = 0; d < layout.head_dim; ++d, keys += layout.page_size) {
        const F32 key = S::Load(keys);
        for (int r = 0; r < kRows; ++r) sums[r] = S::MulAdd(S::Set(queries[r * layout.head_dim + d]), key, sums[r]);
      }
      for (int r = 0; r < kRows; ++r) S::Store(weights + r * kKeys + part * 16, sums[r]);
    }
  }

  // Turns a row's scores into weights exp(score - maximum) and rescales what was summed before. `visible` keys count;
  // parts beyond them are not looked at, whoever else in the piece sees them.
  static void Softmax(const KvLayout& layout, const Rows& rows, int64_t row, int64_t visible) {
    const int64_t num_parts = (visible + 15) / 16;
    float* const weights = rows.weights + row * kKeys;
    constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
    F32 greatest = S::Set(kMinusInfinity);
    for (int64_t part = 0; part < num_parts; ++part) {
      const F32 scores = S::Load(weights + part * 16);
      greatest = S::Max(greatest, S::KeepFirst(scores, std::min<int64_t>(visible - part * 16, 16), kMinusInfinity));
    }
    const float old_maximum = rows.maxima[row];
    const float maximum = std::max(old_maximum, S::ReduceMax(greatest));
    F32 sum = S::Load(rows.sums + row * 16);
    if (maximum != old_maximum) {
      const F32 rescale = RowOps<S>::Exp(S::Set(old_maximum - maximum));
      sum = S::Mul(sum, rescale);
      float* const output = rows.outputs + row * layout.padded_head_dim();
      for (int64_t d = 0; d < layout.padded_head_dim(); d += 16)
        S::Store(output + d, S::Mul(S::Load(output + d), rescale));
      rows.maxima[row] = maximum;
    }
    for (int64_t part = 0; part < num_parts; ++part) {
      const int64_t count = std::min<int64_t>(visible - part * 16, 16);
      F32 weight = RowOps<S>::Exp(S::Sub(S::Load(weights + part * 16), S::Set(maximum)));
      weight = S::KeepFirst(weight, count, 0.0f);
      S::Store(weights + part * 16, weight);
      sum = S::Add(sum, weight);
    }
    S::Store(rows.sums + row * 16, sum);
  }

  // outputs[row] += sum over keys [begin, end) of weight * value, for kRows rows and kWide vectors of the head.
  template <int kRows, int kWide>
  static void WeighValues(const KvLayout& layout, const Block& block, const float* weights, int64_t begin, int64_t end,
                          int64_t d, float* outputs) {
    const int64_t width = layout.padded_head_dim();
    F32 sums[kRows][kWide];
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kWide; ++v) sums[r][v] = S::Load(outputs + r * width + d + v * 16);
    }
    for (int64_t key = begin; key < end; ++key) {
      const Number* const value = block.values[key / 16] + key % 16 * width + d;
      F32 lanes[kWide];
      for (int v = 0; v < kWide; ++v) lanes[v] = S::Load(value + v * 16);
      for (int r = 0; r < kRows; ++r) {
        const F32 weight = S::Set(weights[r * kKeys + key]);
        for (int v = 0; v < kWide; ++v) sums[r][v] = S::MulAdd(weight, lanes[v], sums[r][v]);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kWide; ++v) S::Store(outputs + r * width + d + v * 16, sums[r][v]);
    }
  }

  template <int kRows>
  static void WeighWholeHead(const KvLayout& layout, const Block& block, const Rows& rows, int64_t row, int64_t begin,
                             int64_t end) {
    if (begin >= end) return;
    const float* const weights = rows.weights + row * kKeys;
    float* const outputs = rows.outputs + row * layout.padded_head_dim();
    int64_t d = 0;
    for (; d + 64 <= layout.padded_head_dim(); d += 64)
      WeighValues<kRows, 4>(layout, block, weights, begin, end, d, outputs);
    for (; d < layout.padded_head_dim(); d += 16) WeighValues<kRows, 1>(layout, block, weights, begin, end, d, outputs);
  }

  // kRows neighbouring rows against one block of keys that begins at first_key.
  template <int kRows>
  static void RowsAgainstBlock(const KvLayout& layout, const AttentionPiece& piece, const Block& block,
                               const Rows& rows, int64_t row, int64_t first_key) {
    int64_t visible[kRows];
    int64_t visible_to_all = kKeys, visible_to_any = 0;
    for (int r = 0; r < kRows; ++r) {
      const int64_t position = piece.first_position + (row + r) / piece.group_size;
      visible[r] = std::clamp<int64_t>(position + 1 - first_key, 0, kKeys);
      visible_to_all = std::min(visible_to_all, visible[r]);
      visible_to_any = std::max(visible_to_any, visible[r]);
    }
    if (visible_to_any == 0) return;
    Scores<kRows>(layout, block, rows.queries + row * layout.head_dim, rows.weights + row * kKeys);
    for (int r = 0; r < kRows; ++r) {
      if (visible[r] > 0) Softmax(layout, rows, row + r, visible[r]);
    }
    WeighWholeHead<kRows>(layout, block, rows, row, 0, visible_to_all);
    for (int r = 0; r < kRows; ++r) WeighWholeHead<1>(layout, block, rows, row + r, visible_to_all, visible[r]);
  }

  static void Run(const KvLayout& layout, const AttentionPiece& piece) {
    const int64_t width = layout.padded_head_dim();
    Rows rows{};
    rows.count = piece.num_queries * piece.group_size;
    rows.queries = piece.scratch;
    rows.outputs = rows.queries + rows.count * layout.head_dim;
    rows.weights = rows.outputs + rows.count * width;
    rows.sums = rows.weights + rows.count * kKeys;
    rows.maxima = rows.sums + rows.count * 16;
    for (int64_t row = 0; row < rows.count; ++row) {
      const float* const query =
          piece.queries + row / piece.group_size * piece.stride + row % piece.group_size * layout.head_dim;
      for (int64_t d = 0; d < layout.head_dim; ++d) rows.queries[row * layout.head_dim + d] = query[d] * piece.scale;
      rows.maxima[row] = -std::numeric_limits<float>::infinity();
    }
    std::fill_n(rows.outputs, rows.count * width, 0.0f);
    std::fill_n(rows.sums, rows.count * 16, 0.0f);

    const int64_t num_keys = piece.first_position + piece.num_queries;
    for (int64_t first_key = 0; first_key < num_keys; first_key += kKeys) {
      const Block block = FindBlock(layout, piece, first_key, num_keys - first_key);
      int64_t row = 0;
      for (; row + kRowsAtOnce <= rows.count; row += kRowsAtOnce) {
        RowsAgainstBlock<kRowsAtOnce>(layout, piece, block, rows, row, first_key);
      }
      for (; row < rows.count; ++row) RowsAgainstBlock<1>(layout, piece, block, rows, row, first_key);
    }

    for (int64_t row = 0; row < rows.count; ++row) {
      const F32 inverse = S::Set(1.0f / S::ReduceAdd(S::Load(rows.sums + row * 16)));
      float* const output =
          piece.outputs + row / piece.group_size * piece.stride + row % piece.group_size * layout.head_dim;
      RowOps<S>::ForEachVector(layout.head_dim, [&](int64_t d, int64_t n) {
        RowOps<S>::StoreSome(output + d, S::Mul(S::Load(rows.outputs + row * width + d), inverse), n);
      });
    }
  }
};

// Chooses the element type of the cache.
template <class S>
void RunAttention(const KvLayout& layout, const AttentionPiece& piece) {
  switch (layout.type) {
    case tensor::DataType::kF32:
      return Attention<S, float>::Run(layout, piece);
    case tensor::DataType::kF16:
      return Attention<S, tensor::F16>::Run(layout, piece);
    default:
      return Attention<S, tensor::Bf16>::Run(layout, piece);
  }
}

}  // namespace tenfold::kernels
