// KvLayout: where keys and values lie inside a page of the cache (law 3: the page is the tile).
//
// A page holds `page_size` tokens of all layers, so that copying or moving a page is one memcpy:
//
//   [layer][kv head] { keys [head_dim][page_size],  values [page_size][padded_head_dim] }
//
// Keys stand transposed: a dot product of one query with 16 neighbouring tokens reads 16 lanes of one row. Values stand
// as they come: the weighted sum broadcasts a weight over lanes of one token. Value rows are padded to whole lanes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tenfold/tensor/data_type.h"

namespace tenfold::kernels {

struct KvLayout {
  int64_t num_layers = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t page_size = 0;                           // tokens: 16, 32, 64 or a multiple of 64
  tensor::DataType type = tensor::DataType::kF16;  // F32, F16 or BF16

  int64_t padded_head_dim() const { return (head_dim + 15) / 16 * 16; }
  size_t element_bytes() const { return tensor::Traits(type).block_bytes; }
  // Rounded up to whole cache lines, so that every head's values and every page begin on one.
  size_t keys_bytes() const { return (static_cast<size_t>(head_dim * page_size) * element_bytes() + 63) / 64 * 64; }
  size_t values_bytes() const { return static_cast<size_t>(padded_head_dim() * page_size) * element_bytes(); }
  size_t page_bytes() const { return static_cast<size_t>(num_layers * num_kv_heads) * (keys_bytes() + values_bytes()); }
  // Offsets inside a page.
  size_t keys_offset(int64_t layer, int64_t kv_head) const {
    return static_cast<size_t>(layer * num_kv_heads + kv_head) * (keys_bytes() + values_bytes());
  }
  size_t values_offset(int64_t layer, int64_t kv_head) const { return keys_offset(layer, kv_head) + keys_bytes(); }
};

}  // namespace tenfold::kernels
