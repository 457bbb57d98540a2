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

// The K types store 256 weights as sub-blocks with small whole scales, and one F16 that scales the scales of all.
// k_quants.h unpacks their bits.

// 256 weights in 8 sub-blocks of 32: w = (scale * s) * code - (min * m), where s and m are the sub-block's 6-bit scale
// and minimum. The codes of an even sub-block are the low nibbles of 32 bytes, those of the next one the high nibbles.
struct BlockQ4_K {
  F16 scale;
  F16 min;
  uint8_t scales_and_mins[12];  // ScaleAndMinOf() takes them apart
  uint8_t nibbles[128];
};
static_assert(sizeof(BlockQ4_K) == 144);

// As Q4_K, with a fifth bit: bit s of byte i belongs to weight i of sub-block s.
struct BlockQ5_K {
  F16 scale;
  F16 min;
  uint8_t scales_and_mins[12];
  uint8_t fifth_bits[32];
  uint8_t nibbles[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

// 256 weights in 16 sub-blocks of 16: w = (scale * s) * (code - 32), where s is the sub-block's signed scale. Each half
// of 128 weights holds four runs of 32: the runs 0 and 2 are the low and high nibbles of the half's first 32 bytes, 1
// and 3 those of the other 32; bits 2r and 2r+1 of the upper byte i complete weight i of run r.
struct BlockQ6_K {
  uint8_t nibbles[128];
  uint8_t upper_bits[64];
  int8_t scales[16];
  F16 scale;
};
static_assert(sizeof(BlockQ6_K) == 210);

// Writes one row of any float or quantized type as f32. `row` holds RowBytes(type, out.size()) bytes.
void DequantizeRow(DataType type, const std::byte* row, std::span<float> out);

// Writes `values` in `type`, rounding to nearest. For Q4_0 the element of greatest magnitude maps to -8;
// the K types search for their scales (k_quants.h).
void QuantizeRow(DataType type, std::span<const float> values, std::byte* row);

}  // namespace tenfold::tensor
