// The K types (Q4_K, Q5_K, Q6_K), block by block: their bits taken apart, and the plain conversions from and to f32.
//
// Unpacked codes lie in the order of the weights, so that a reader of blocks (kernels repack them) need not know where
// each type keeps its bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::tensor {

constexpr size_t kKBlock = 256;    // weights of a block of any K type
constexpr size_t kKSubBlock = 32;  // weights that share a scale and a minimum in Q4_K and Q5_K
constexpr size_t kQ6KSubBlock = 16;

// The 6-bit scale and minimum of a sub-block of Q4_K and Q5_K.
struct ScaleAndMin {
  uint8_t scale;
  uint8_t min;
};

// Those of sub-block `index`, 0 to 7.
ScaleAndMin ScaleAndMinOf(std::span<const uint8_t, 12> scales_and_mins, size_t index);

// Writes the block's 256 codes in the order of the weights: 0 to 15, 0 to 31, and for Q6_K 0 to 63 (with the weight's
// 32 still in).
void UnpackCodes(const BlockQ4_K& block, std::span<uint8_t, kKBlock> codes);
void UnpackCodes(const BlockQ5_K& block, std::span<uint8_t, kKBlock> codes);
void UnpackCodes(const BlockQ6_K& block, std::span<uint8_t, kKBlock> codes);

// Writes the block's 256 weights as f32, in the order of operations that quantized_blocks.h gives with each type.
void DequantizeKBlock(const BlockQ4_K& block, std::span<float, kKBlock> out);
void DequantizeKBlock(const BlockQ5_K& block, std::span<float, kKBlock> out);
void DequantizeKBlock(const BlockQ6_K& block, std::span<float, kKBlock> out);

// The block that stands for 256 finite weights. Each sub-block takes the scale (and minimum) of the least squared error
// among a handful of candidates; codes are then rounded to nearest, under the scales as they are stored. About 20 ns a
// weight (k_quantize.cc).
void QuantizeKBlock(std::span<const float, kKBlock> weights, BlockQ4_K& block);
void QuantizeKBlock(std::span<const float, kKBlock> weights, BlockQ5_K& block);
void QuantizeKBlock(std::span<const float, kKBlock> weights, BlockQ6_K& block);

}  // namespace tenfold::tensor
