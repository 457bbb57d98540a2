#include "tenfold/kernels/packed_matrix.h"

#include <algorithm>
#include <cstring>

#include "tenfold/base/check.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::kernels {
namespace {

using tensor::DataType;

size_t TileBytes(DataType type, int64_t cols) {
  const auto steps = static_cast<size_t>((cols + kQuantStep - 1) / kQuantStep);
  switch (type) {
    case DataType::kF32:
      return static_cast<size_t>(cols) * kTileRows * 4;
    case DataType::kF16:
    case DataType::kBF16:
      return static_cast<size_t>(cols) * kTileRows * 2;
    case DataType::kQ8_0:
      return steps * (kQuantStep * kTileRows + 64);
    case DataType::kQ4_0:
      return steps * (kQuantStep * kTileRows / 2 + 64);
  }
  CHECK_MSG(false, "type {}", static_cast<int>(type));
  return 0;
}

// [K][16] from sixteen rows of numbers.
template <class Number>
void PackPlainTile(std::span<const std::byte* const> rows, int64_t cols, std::byte* tile) {
  auto* out = reinterpret_cast<Number*>(tile);
  for (size_t r = 0; r < rows.size(); ++r) {
    for (int64_t k = 0; k < cols; ++k) {
      std::memcpy(out + k * kTileRows + static_cast<int64_t>(r), rows[r] + static_cast<size_t>(k) * sizeof(Number),
                  sizeof(Number));
    }
  }
}

// Interleaves the dwords of one 32-block of each row: [dwords of the block][16 rows][4 bytes].
template <class Block, uint8_t kFlip>
void PackBlock(const std::byte* block, size_t r, std::byte* bytes, tensor::F16* scales) {
  constexpr size_t kDwords = (sizeof(Block) - sizeof(tensor::F16)) / 4;
  std::memcpy(scales + r, block, sizeof(tensor::F16));
  for (size_t d = 0; d < kDwords; ++d) {
    uint32_t dword;
    std::memcpy(&dword, block + sizeof(tensor::F16) + d * 4, 4);
    dword ^= uint32_t{kFlip} * 0x01010101u;
    std::memcpy(bytes + (d * kTileRows + r) * 4, &dword, 4);
  }
}

template <class Block, uint8_t kFlip>
void PackQuantizedTile(std::span<const std::byte* const> rows, int64_t cols, std::byte* tile) {
  constexpr size_t kBlockBytes = (sizeof(Block) - sizeof(tensor::F16)) * kTileRows;
  constexpr size_t kStepBytes = 2 * kBlockBytes + 64;
  const auto num_blocks = static_cast<size_t>(cols / kQuantBlock);
  for (size_t b = 0; b < num_blocks; ++b) {
    std::byte* const step = tile + b / 2 * kStepBytes;
    auto* const scales = reinterpret_cast<tensor::F16*>(step + 2 * kBlockBytes) + b % 2 * kTileRows;
    for (size_t r = 0; r < rows.size(); ++r) {
      PackBlock<Block, kFlip>(rows[r] + b * sizeof(Block), r, step + b % 2 * kBlockBytes, scales);
    }
  }
}

void PackTile(DataType type, std::span<const std::byte* const> rows, int64_t cols, std::byte* tile) {
  switch (type) {
    case DataType::kF32:
      return PackPlainTile<float>(rows, cols, tile);
    case DataType::kF16:
    case DataType::kBF16:
      return PackPlainTile<uint16_t>(rows, cols, tile);
    case DataType::kQ8_0:
      return PackQuantizedTile<tensor::BlockQ8_0, 0x80>(rows, cols, tile);
    case DataType::kQ4_0:
      return PackQuantizedTile<tensor::BlockQ4_0, 0>(rows, cols, tile);
  }
}

}  // namespace

Result<PackedMatrix> PackedMatrix::Pack(const tensor::TensorView& source, std::span<const int32_t> row_order,
                                        platform::ThreadPool& threads) {
  PackedMatrix packed;
  packed.type_ = source.type;
  packed.rows_ = source.shape.rows();
  packed.cols_ = source.shape.cols();
  CHECK(row_order.empty() || static_cast<int64_t>(row_order.size()) == packed.rows_);
  packed.tile_bytes_ = TileBytes(source.type, packed.cols_);
  ASSIGN_OR_RETURN(packed.buffer_, platform::AlignedBuffer::Allocate(
                                       packed.tile_bytes_ * static_cast<size_t>(packed.num_tiles()), "packed weights"));
  threads.Run(packed.num_tiles(), [&](int64_t t, int) {
    const std::byte* rows[kTileRows];
    const int64_t num_rows = std::min(kTileRows, packed.rows_ - t * kTileRows);
    for (int64_t r = 0; r < num_rows; ++r) {
      const int64_t row = t * kTileRows + r;
      rows[r] = source.row(row_order.empty() ? row : row_order[static_cast<size_t>(row)]);
    }
    PackTile(source.type, {rows, static_cast<size_t>(num_rows)}, packed.cols_,
             packed.buffer_.data() + static_cast<size_t>(t) * packed.tile_bytes_);
  });
  return packed;
}

}  // namespace tenfold::kernels
