#include "tenfold/tensor/k_quants.h"

namespace tenfold::tensor {
namespace {

// The four-bit part that Q4_K and Q5_K share.
void UnpackNibbles(std::span<const uint8_t, kKBlock / 2> nibbles, std::span<uint8_t, kKBlock> codes) {
  for (size_t i = 0; i < kKBlock / 2; ++i) {
    const size_t even = i / kKSubBlock * 2 * kKSubBlock + i % kKSubBlock;
    codes[even] = nibbles[i] & 0xf;
    codes[even + kKSubBlock] = nibbles[i] >> 4;
  }
}

template <class Block>
void DequantizeWithMins(const Block& block, std::span<float, kKBlock> out) {
  uint8_t codes[kKBlock];
  UnpackCodes(block, codes);
  for (size_t s = 0; s < kKBlock / kKSubBlock; ++s) {
    const ScaleAndMin whole = ScaleAndMinOf(block.scales_and_mins, s);
    const float scale = ToFloat(block.scale) * whole.scale;
    const float min = ToFloat(block.min) * whole.min;
    for (size_t i = s * kKSubBlock; i < (s + 1) * kKSubBlock; ++i) out[i] = scale * codes[i] - min;
  }
}

}  // namespace

// Byte i below 4 holds scale i in its low six bits, byte 4 + i minimum i. Scale and minimum 4 + i share byte 8 + i, a
// nibble each; their upper two bits are the upper two of bytes i and 4 + i.
ScaleAndMin ScaleAndMinOf(std::span<const uint8_t, 12> bytes, size_t index) {
  if (index < 4) return {static_cast<uint8_t>(bytes[index] & 63), static_cast<uint8_t>(bytes[index + 4] & 63)};
  const uint8_t low = bytes[index + 4];
  return {static_cast<uint8_t>((low & 0xf) | bytes[index - 4] >> 6 << 4),
          static_cast<uint8_t>(low >> 4 | bytes[index] >> 6 << 4)};
}

void UnpackCodes(const BlockQ4_K& block, std::span<uint8_t, kKBlock> codes) {
  UnpackNibbles(block.nibbles, codes);
}

void UnpackCodes(const BlockQ5_K& block, std::span<uint8_t, kKBlock> codes) {
  UnpackNibbles(block.nibbles, codes);
  for (size_t i = 0; i < kKBlock; ++i) {
    const int fifth = block.fifth_bits[i % kKSubBlock] >> (i / kKSubBlock) & 1;
    codes[i] = static_cast<uint8_t>(codes[i] | fifth << 4);
  }
}

void UnpackCodes(const BlockQ6_K& block, std::span<uint8_t, kKBlock> codes) {
  constexpr size_t kHalf = kKBlock / 2;
  constexpr size_t kRun = kHalf / 4;
  for (size_t i = 0; i < kKBlock; ++i) {
    const size_t half = i / kHalf;
    const size_t run = i % kHalf / kRun;
    const uint8_t nibbles = block.nibbles[half * kHalf / 2 + run % 2 * kRun + i % kRun];
    const int nibble = run < 2 ? nibbles & 0xf : nibbles >> 4;
    const int upper = block.upper_bits[half * kRun + i % kRun] >> (2 * run) & 3;
    codes[i] = static_cast<uint8_t>(nibble | upper << 4);
  }
}

void DequantizeKBlock(const BlockQ4_K& block, std::span<float, kKBlock> out) {
  DequantizeWithMins(block, out);
}

void DequantizeKBlock(const BlockQ5_K& block, std::span<float, kKBlock> out) {
  DequantizeWithMins(block, out);
}

void DequantizeKBlock(const BlockQ6_K& block, std::span<float, kKBlock> out) {
  uint8_t codes[kKBlock];
  UnpackCodes(block, codes);
  for (size_t i = 0; i < kKBlock; ++i) {
    const float scale = ToFloat(block.scale) * block.scales[i / kQ6KSubBlock];
    out[i] = scale * static_cast<float>(codes[i] - 32);
  }
}

}  // namespace tenfold::tensor
