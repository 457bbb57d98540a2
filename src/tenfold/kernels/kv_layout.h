// KvLayout: where keys and values lie inside a page of the cache (law 3: the page is the tile).
//
// A page holds `page_size` tokens of all layers, so that copying or moving a page is one memcpy:
//
//   [layer][kv head] { keys,  values }
//
//   F32, F16   keys [head_dim][page_size]           values [page_size][padded_head_dim]
//   BF16       keys [head_dim / 2][page_size][2]    values [page_size / 2][padded_head_dim][2]
//   Q8_0       as BF16 in one byte each, and after the keys and after the values [head_dim / 32][page_size] F16 scales,
//              one for each token and each 32 of its numbers
//
// Keys stand transposed: a dot product of one query with 16 neighbouring tokens reads 16 lanes of one row. Values stand
// as they come: the weighted sum broadcasts a weight over lanes of one token. Value rows are padded to whole lanes. A
// lane of BF16 holds two numbers that are multiplied and summed by one instruction: two dimensions of a key, or one
// dimension of two tokens' values. An odd head has a zero as the other half of its last pair.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tenfold/base/rounding.h"
#include "tenfold/tensor/data_type.h"

namespace tenfold::kernels {

// What keys and values are kept as unless the user says otherwise: as small as F16 and multiplied directly where the
// processor can. How much accuracy it takes: docs/papers/05-flash-attention.md.
inline constexpr tensor::DataType kDefaultKvCacheType = tensor::DataType::kBF16;

struct KvLayout {
  int64_t num_layers = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t page_size = 0;                           // tokens: 16, 32, 64 or a multiple of 64
  tensor::DataType type = tensor::DataType::kF16;  // F32, F16, BF16 or Q8_0

  static constexpr int64_t kScaleBlock = 32;  // numbers of a token that share a scale in Q8_0

  // Numbers that share a lane.
  int64_t numbers_per_lane() const {
    return type == tensor::DataType::kBF16 || type == tensor::DataType::kQ8_0 ? 2 : 1;
  }
  // Rows of a page's keys: lanes of one token.
  int64_t key_rows() const { return CeilDivide(head_dim, numbers_per_lane()); }
  int64_t padded_head_dim() const { return RoundUp(head_dim, 16); }
  size_t number_bytes() const { return is_quantized() ? 1 : tensor::Traits(type).block_bytes; }
  bool is_quantized() const { return type == tensor::DataType::kQ8_0; }
  int64_t scale_blocks() const { return is_quantized() ? CeilDivide(head_dim, kScaleBlock) : 0; }

  // All of these are rounded up to whole cache lines, so that every head's values and every page begin on one.
  size_t key_numbers_bytes() const { return WholeLines(key_rows() * numbers_per_lane() * page_size, number_bytes()); }
  size_t value_numbers_bytes() const { return WholeLines(padded_head_dim() * page_size, number_bytes()); }
  size_t scales_bytes() const { return WholeLines(scale_blocks() * page_size, 2); }
  size_t keys_bytes() const { return key_numbers_bytes() + scales_bytes(); }
  size_t values_bytes() const { return value_numbers_bytes() + scales_bytes(); }
  size_t page_bytes() const { return static_cast<size_t>(num_layers * num_kv_heads) * (keys_bytes() + values_bytes()); }
  // Offsets inside a page.
  size_t keys_offset(int64_t layer, int64_t kv_head) const {
    return static_cast<size_t>(layer * num_kv_heads + kv_head) * (keys_bytes() + values_bytes());
  }
  size_t values_offset(int64_t layer, int64_t kv_head) const { return keys_offset(layer, kv_head) + keys_bytes(); }

 private:
  static size_t WholeLines(int64_t numbers, size_t bytes_each) {
    return RoundUp(static_cast<size_t>(numbers) * bytes_each, 64);
  }
};

}  // namespace tenfold::kernels
