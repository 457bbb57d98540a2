// The block layouts of quantized types as GGUF stores them, and the plain conversions from and to f32.
//
// These are the reference; kernels repack the same blocks for speed (kernels/packed_matrix.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tenfold/tensor/data_type.h"
#include "tenfold/tensor/half.h"

namespace tenfold::tensor {

// 32 weights: w[i] = scale * values[i].
struct BlockQ8_0 {
  F16 scale;
  int8_t values[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

// 32 weights: w[i] = scale * (nibble - 8); the low nibble of byte i holds weight i, the high one weight i + 16.
struct BlockQ4_0 {
  F16 scale;
  uint8_t nibbles[16];
};
static_assert(sizeof(BlockQ4_0) == 18);

// Writes one row of any float or quantized type as f32. `row` holds RowBytes(type, out.size()) bytes.
void DequantizeRow(DataType type, const std::byte* row, std::span<float> out);

// Writes `values` in `type`, rounding to nearest. For Q4_0 the element of greatest magnitude maps to -8.
void QuantizeRow(DataType type, std::span<const float> values, std::byte* row);

}  // namespace tenfold::tensor
