#include "tenfold/tensor/quantized_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tenfold/base/check.h"
#include "tenfold/tensor/k_quants.h"

namespace tenfold::tensor {
namespace {

constexpr size_t kBlock = 32;

BlockQ8_0 QuantizeBlockQ8_0(const float* values) {
  float greatest = 0;
  for (size_t i = 0; i < kBlock; ++i) greatest = std::max(greatest, std::abs(values[i]));
  const float scale = greatest / 127;
  const float inverse = scale > 0 ? 1 / scale : 0;
  BlockQ8_0 block{.scale = ToF16(scale), .values = {}};
  for (size_t i = 0; i < kBlock; ++i) block.values[i] = static_cast<int8_t>(std::lround(values[i] * inverse));
  return block;
}

BlockQ4_0 QuantizeBlockQ4_0(const float* values) {
  float greatest = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    if (std::abs(values[i]) > std::abs(greatest)) greatest = values[i];
  }
  const float scale = greatest / -8;
  const float inverse = scale != 0 ? 1 / scale : 0;
  const auto code = [&](float value) {
    return static_cast<uint8_t>(std::clamp(static_cast<int>(std::lround(value * inverse)) + 8, 0, 15));
  };
  BlockQ4_0 block{.scale = ToF16(scale), .nibbles = {}};
  for (size_t i = 0; i < kBlock / 2; ++i) {
    block.nibbles[i] = static_cast<uint8_t>(code(values[i]) | code(values[i + kBlock / 2]) << 4);
  }
  return block;
}

template <class Block>
Block LoadBlock(const std::byte* row, size_t index) {
  Block block;
  std::memcpy(&block, row + index * sizeof(Block), sizeof(Block));
  return block;
}

// Converts whole blocks of the K type `Block`.
template <class Block>
void DequantizeKBlocks(const std::byte* row, std::span<float> out) {
  for (size_t b = 0; b < out.size() / kKBlock; ++b) {
    DequantizeKBlock(LoadBlock<Block>(row, b), out.subspan(b * kKBlock).first<kKBlock>());
  }
}

template <class Block>
void QuantizeKBlocks(std::span<const float> values, std::byte* row) {
  for (size_t b = 0; b < values.size() / kKBlock; ++b) {
    Block block;
    QuantizeKBlock(values.subspan(b * kKBlock).first<kKBlock>(), block);
    std::memcpy(row + b * sizeof(block), &block, sizeof(block));
  }
}

template <class Number>
Number LoadNumber(const std::byte* row, size_t index) {
  Number number;
  std::memcpy(&number, row + index * sizeof(Number), sizeof(Number));
  return number;
}

}  // namespace

void DequantizeRow(DataType type, const std::byte* row, std::span<float> out) {
  CHECK_EQ(static_cast<int64_t>(out.size()) % Traits(type).block_elements, 0);
  switch (type) {
    case DataType::kF32:
      std::memcpy(out.data(), row, out.size_bytes());
      return;
    case DataType::kF16:
      for (size_t i = 0; i < out.size(); ++i) out[i] = ToFloat(LoadNumber<F16>(row, i));
      return;
    case DataType::kBF16:
      for (size_t i = 0; i < out.size(); ++i) out[i] = ToFloat(LoadNumber<Bf16>(row, i));
      return;
    case DataType::kQ8_0:
      for (size_t b = 0; b < out.size() / kBlock; ++b) {
        const auto block = LoadBlock<BlockQ8_0>(row, b);
        for (size_t i = 0; i < kBlock; ++i) out[b * kBlock + i] = ToFloat(block.scale) * block.values[i];
      }
      return;
    case DataType::kQ4_0:
      for (size_t b = 0; b < out.size() / kBlock; ++b) {
        const auto block = LoadBlock<BlockQ4_0>(row, b);
        float* const to = out.data() + b * kBlock;
        for (size_t i = 0; i < kBlock / 2; ++i) {
          to[i] = ToFloat(block.scale) * static_cast<float>((block.nibbles[i] & 0xf) - 8);
          to[i + kBlock / 2] = ToFloat(block.scale) * static_cast<float>((block.nibbles[i] >> 4) - 8);
        }
      }
      return;
    case DataType::kQ4_K:
      return DequantizeKBlocks<BlockQ4_K>(row, out);
    case DataType::kQ5_K:
      return DequantizeKBlocks<BlockQ5_K>(row, out);
    case DataType::kQ6_K:
      return DequantizeKBlocks<BlockQ6_K>(row, out);
  }
}

void QuantizeRow(DataType type, std::span<const float> values, std::byte* row) {
  CHECK_EQ(static_cast<int64_t>(values.size()) % Traits(type).block_elements, 0);
  switch (type) {
    case DataType::kF32:
      std::memcpy(row, values.data(), values.size_bytes());
      return;
    case DataType::kF16:
      for (size_t i = 0; i < values.size(); ++i) {
        const F16 number = ToF16(values[i]);
        std::memcpy(row + i * sizeof(number), &number, sizeof(number));
      }
      return;
    case DataType::kBF16:
      for (size_t i = 0; i < values.size(); ++i) {
        const Bf16 number = ToBf16(values[i]);
        std::memcpy(row + i * sizeof(number), &number, sizeof(number));
      }
      return;
    case DataType::kQ8_0:
      for (size_t b = 0; b < values.size() / kBlock; ++b) {
        const BlockQ8_0 block = QuantizeBlockQ8_0(values.data() + b * kBlock);
        std::memcpy(row + b * sizeof(block), &block, sizeof(block));
      }
      return;
    case DataType::kQ4_0:
      for (size_t b = 0; b < values.size() / kBlock; ++b) {
        const BlockQ4_0 block = QuantizeBlockQ4_0(values.data() + b * kBlock);
        std::memcpy(row + b * sizeof(block), &block, sizeof(block));
      }
      return;
    case DataType::kQ4_K:
      return QuantizeKBlocks<BlockQ4_K>(values, row);
    case DataType::kQ5_K:
      return QuantizeKBlocks<BlockQ5_K>(values, row);
    case DataType::kQ6_K:
      return QuantizeKBlocks<BlockQ6_K>(values, row);
  }
}

}  // namespace tenfold::tensor
