#include "tenfold/kernels/packed_rows.h"

#include "tenfold/base/rounding.h"

namespace tenfold::kernels {
namespace {

// Whole cache lines, and whole steps of every weight format whose columns need not be multiples of 256 anyway.
constexpr int64_t kStep = 64;

}  // namespace

RowFormat RowFormatFor(tensor::DataType weights) {
  switch (weights) {
    case tensor::DataType::kF32:
    case tensor::DataType::kF16:
      return RowFormat::kF32;
    case tensor::DataType::kBF16:
      return RowFormat::kBf16;
    default:
      return RowFormat::kInt8;
  }
}

PackedRows PlanPackedRows(RowFormat format, int64_t rows, int64_t cols, int64_t max_tile_rows, const float* floats,
                          std::byte* memory) {
  PackedRows packed{.format = format, .rows = rows, .cols = cols, .max_tile_rows = max_tile_rows};
  if (format == RowFormat::kF32) {
    packed.floats = floats;
    return packed;
  }
  packed.cols = RoundUp(cols, kStep);
  packed.tiles = memory;
  packed.extras = packed.tiles + RoundUp(rows * packed.tile_row_bytes(), 64);
  packed.factors = reinterpret_cast<float*>(packed.extras + RoundUp(rows * packed.extra_row_bytes(), 64));
  return packed;
}

size_t PackedRowsBytes(RowFormat format, int64_t rows, int64_t cols) {
  if (format == RowFormat::kF32) return 0;
  const PackedRows packed = PlanPackedRows(format, rows, cols, 1, nullptr, nullptr);
  return static_cast<size_t>(reinterpret_cast<std::byte*>(packed.factors + rows) - packed.tiles);
}

}  // namespace tenfold::kernels
