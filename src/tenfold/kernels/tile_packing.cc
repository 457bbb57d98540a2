#include "tenfold/kernels/tile_packing.h"

#include <cstring>

#include "tenfold/base/check.h"
#include "tenfold/kernels/packed_matrix.h"
#include "tenfold/tensor/k_quants.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::kernels {
namespace {

using tensor::DataType;
using tensor::F16;
using Rows = std::span<const std::byte* const>;

bool IsFinite(F16 number) {
  return (number.bits & 0x7c00u) != 0x7c00u;
}

uint32_t LoadDword(const uint8_t* from) {
  uint32_t dword;
  std::memcpy(&dword, from, sizeof(dword));
  return dword;
}

// Dword number `index` of row `row` in a register of 16 rows.
void StoreDword(uint32_t dword, std::byte* registers, size_t index, size_t row) {
  std::memcpy(registers + (index * kTileRows + row) * 4, &dword, sizeof(dword));
}

// [K / kGroup][16][kGroup] from rows of numbers.
template <class Number, int64_t kGroup>
bool PackNumbers(Rows rows, int64_t cols, std::byte* tile) {
  auto* out = reinterpret_cast<Number*>(tile);
  for (size_t r = 0; r < rows.size(); ++r) {
    for (int64_t k = 0; k < cols; ++k) {
      std::memcpy(out + (k / kGroup * kTileRows + static_cast<int64_t>(r)) * kGroup + k % kGroup,
                  rows[r] + static_cast<size_t>(k) * sizeof(Number), sizeof(Number));
    }
  }
  return true;
}

// Calls pack(block, row, step, b) for block b of each step of kPerStep blocks, for all rows; true if all calls are.
template <class Block, size_t kPerStep, class Pack>
bool ForEachBlock(Rows rows, int64_t num_blocks, std::byte* tile, size_t step_bytes, Pack pack) {
  bool is_finite = true;
  for (size_t b = 0; b < static_cast<size_t>(num_blocks); ++b) {
    for (size_t r = 0; r < rows.size(); ++r) {
      Block block;
      std::memcpy(&block, rows[r] + b * sizeof(Block), sizeof(Block));
      is_finite &= pack(block, r, tile + b / kPerStep * step_bytes, b % kPerStep);
    }
  }
  return is_finite;
}

bool PackQ8_0(const tensor::BlockQ8_0& block, size_t row, std::byte* step, size_t b) {
  const auto* values = reinterpret_cast<const uint8_t*>(block.values);
  for (size_t d = 0; d < 8; ++d) StoreDword(LoadDword(values + 4 * d) ^ 0x80808080u, step + b * 512, d, row);
  reinterpret_cast<F16*>(step + 1024)[b * kTileRows + row] = block.scale;
  return IsFinite(block.scale);
}

bool PackQ4_0(const tensor::BlockQ4_0& block, size_t row, std::byte* step, size_t b) {
  for (size_t d = 0; d < 4; ++d) StoreDword(LoadDword(block.nibbles + 4 * d), step + b * 256, d, row);
  reinterpret_cast<F16*>(step + 512)[b * kTileRows + row] = block.scale;
  return IsFinite(block.scale);
}

// ---- K-quants: 256 weights a block, a step of their own. Nibbles are paired anew, K k with k + 16 of the same 32 as
// in Q4_0, so that all formats with nibbles unpack alike.

constexpr uint32_t kLowNibbles = 0x0f0f0f0fu;

// The nibbles of sub-block `s` of 32: runs of 32 bytes hold an even sub-block in the low halves, the next in the high.
void PackSubBlockNibbles(const uint8_t* run, bool high_half, size_t s, size_t row, std::byte* step) {
  for (size_t i = 0; i < 4; ++i) {
    const uint32_t first = LoadDword(run + 4 * i) >> (high_half ? 4 : 0) & kLowNibbles;
    const uint32_t second = LoadDword(run + 16 + 4 * i) >> (high_half ? 4 : 0) & kLowNibbles;
    StoreDword(first | second << 4, step + s * 256, i, row);
  }
}

// [8][16] scales, [8][16] minima, 16 F16 of the scales, 16 F16 of the minima.
template <class Block>
bool PackScalesAndMins(const Block& block, size_t row, std::byte* to) {
  auto* const bytes = reinterpret_cast<uint8_t*>(to);
  for (size_t s = 0; s < 8; ++s) {
    const tensor::ScaleAndMin both = tensor::ScaleAndMinOf(block.scales_and_mins, s);
    bytes[s * kTileRows + row] = both.scale;
    bytes[128 + s * kTileRows + row] = both.min;
  }
  auto* const numbers = reinterpret_cast<F16*>(to + 256);
  numbers[row] = block.scale;
  numbers[kTileRows + row] = block.min;
  return IsFinite(block.scale) && IsFinite(block.min);
}

bool PackQ4_K(const tensor::BlockQ4_K& block, size_t row, std::byte* step, size_t) {
  for (size_t s = 0; s < 8; ++s) PackSubBlockNibbles(block.nibbles + s / 2 * 32, s % 2 == 1, s, row, step);
  return PackScalesAndMins(block, row, step + 2048);
}

bool PackQ5_K(const tensor::BlockQ5_K& block, size_t row, std::byte* step, size_t) {
  for (size_t s = 0; s < 8; ++s) {
    PackSubBlockNibbles(block.nibbles + s / 2 * 32, s % 2 == 1, s, row, step);
    uint32_t fifth_bits = 0;
    for (size_t g = 0; g < 8; ++g) fifth_bits |= (LoadDword(block.fifth_bits + 4 * g) >> s & 0x01010101u) << g;
    StoreDword(fifth_bits, step + 2048, s, row);
  }
  return PackScalesAndMins(block, row, step + 2560);
}

bool PackQ6_K(const tensor::BlockQ6_K& block, size_t row, std::byte* step, size_t) {
  for (size_t s = 0; s < 8; ++s) {
    const size_t half = s / 4, run = s % 4;
    PackSubBlockNibbles(block.nibbles + half * 64 + run % 2 * 32, run >= 2, s, row, step);
    for (size_t part = 0; part < 2; ++part) {
      const uint8_t* const upper = block.upper_bits + half * 32 + part * 16;
      uint32_t upper_bits = 0;
      for (size_t g = 0; g < 4; ++g) upper_bits |= (LoadDword(upper + 4 * g) >> 2 * run & 0x03030303u) << 2 * g;
      StoreDword(upper_bits, step + 2048, 2 * s + part, row);
    }
  }
  for (size_t i = 0; i < 16; ++i) step[3072 + i * kTileRows + row] = static_cast<std::byte>(block.scales[i]);
  reinterpret_cast<F16*>(step + 3328)[row] = block.scale;
  return IsFinite(block.scale);
}

}  // namespace

TileStep TileStepOf(DataType type) {
  switch (type) {
    case DataType::kF32:
      return {1, 4 * kTileRows};
    case DataType::kF16:
      return {1, 2 * kTileRows};
    case DataType::kBF16:
      return {64, 64 * 2 * kTileRows};
    case DataType::kQ8_0:
      return {64, 1088};
    case DataType::kQ4_0:
      return {64, 576};
    case DataType::kQ4_K:
      return {256, 2368};
    case DataType::kQ5_K:
      return {256, 2880};
    case DataType::kQ6_K:
      return {256, 3392};
  }
  CHECK_MSG(false, "type {}", static_cast<int>(type));
  return {};
}

bool PackTile(DataType type, Rows rows, int64_t cols, std::byte* tile) {
  const size_t step = TileStepOf(type).bytes;
  switch (type) {
    case DataType::kF32:
      return PackNumbers<float, 1>(rows, cols, tile);
    case DataType::kF16:
      return PackNumbers<uint16_t, 1>(rows, cols, tile);
    case DataType::kBF16:
      return PackNumbers<uint16_t, 2>(rows, cols, tile);
    case DataType::kQ8_0:
      return ForEachBlock<tensor::BlockQ8_0, 2>(rows, cols / 32, tile, step, PackQ8_0);
    case DataType::kQ4_0:
      return ForEachBlock<tensor::BlockQ4_0, 2>(rows, cols / 32, tile, step, PackQ4_0);
    case DataType::kQ4_K:
      return ForEachBlock<tensor::BlockQ4_K, 1>(rows, cols / 256, tile, step, PackQ4_K);
    case DataType::kQ5_K:
      return ForEachBlock<tensor::BlockQ5_K, 1>(rows, cols / 256, tile, step, PackQ5_K);
    case DataType::kQ6_K:
      return ForEachBlock<tensor::BlockQ6_K, 1>(rows, cols / 256, tile, step, PackQ6_K);
  }
  return false;
}

}  // namespace tenfold::kernels
