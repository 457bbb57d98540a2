#include "tenfold/kernels/tile_packing.h"

#include <cstring>

#include "tenfold/base/check.h"
#include "tenfold/kernels/packed_matrix.h"
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
  }
  return false;
}

}  // namespace tenfold::kernels
