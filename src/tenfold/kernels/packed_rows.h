// PackedRows: activation rows rearranged for the matrix kernels: the left side of a product.
//
// Which form they take depends on the weights they meet (RowFormatFor):
//   kF32    as they come: row-major floats, read in place                   for F32 and F16 weights
//   kBf16   rounded to bfloat16                                             for BF16 weights
//   kInt8   8-bit integers with a scale of three bits for each 32 of them   for quantized weights
//
// Packed rows stand in row tiles: up to KernelTable::max_tile_rows rows that one pass of a kernel takes together. A
// tile of R rows holds, so that the kernel follows one pointer:
//   kBf16   per 32 K:  R x [32 numbers]
//   kInt8   per 32 K:  R x [32 integers, then as int32 minus their sum, an exponent, a multiple]
//           and apart from that, as K-quants alone read it, per 32 K: R x [float minus sum, int32 minus the sum of the
//           first 16, float scale]
//
// kInt8: the value of an integer q is q * (4 + multiple) * 2^e * factor. The multiple is 0 to 3: a kernel makes the
// four multiples of the weights' scale by additions. The exponent e, in 0 .. kExponentRange, is stored as e << 23:
// added to the bits of a positive or negative float, it multiplies by 2^e exactly. Both use ports that the dot products
// leave free. The scale, (4 + multiple) * 2^e * factor, is the least of its kind that is not below the greatest
// magnitude of the 32 over 127. The factor, a power of two, is the row's own: its greatest block has e =
// kExponentRange. Values that are below 2^-40 of the row's greatest lose precision, and could not be seen in a float
// sum beside it. The float scale is (4 + multiple) * 2^e, and the float sum that of the integers times it. Accuracy and
// speed beside other schemes: docs/design/0001-activation-scales.md.
//
// A row's packed numbers depend on the row alone; how rows are dealt to tiles changes nothing but addresses (law 2).
// A view: the memory belongs to the caller. Rows may be packed by several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tenfold/base/rounding.h"
#include "tenfold/tensor/data_type.h"

namespace tenfold::kernels {

enum class RowFormat : uint8_t { kF32, kBf16, kInt8 };

RowFormat RowFormatFor(tensor::DataType weights);

// Integers share a scale in blocks of this many.
inline constexpr int64_t kQuantBlock = 32;
// Bytes of such a block in a tile, and of what K-quants read beside it.
inline constexpr int64_t kQuantBlockBytes = kQuantBlock + 3 * 4, kQuantBlockExtraBytes = 3 * 4;
inline constexpr int32_t kExponentRange = 40;

// A row's place: the first row of its tile, and how many rows that has.
struct RowTile {
  int64_t begin;
  int64_t count;
};

// Tile `index` of rows dealt evenly: 16 are 6 + 5 + 5, not 6 + 6 + 4.
inline RowTile RowTileAt(int64_t rows, int64_t max_tile_rows, int64_t index) {
  const int64_t num_tiles = CeilDivide(rows, max_tile_rows);
  const int64_t begin = rows * index / num_tiles;
  return {begin, rows * (index + 1) / num_tiles - begin};
}

struct PackedRows {
  RowFormat format = RowFormat::kF32;
  int64_t rows = 0;
  int64_t cols = 0;           // padded to a multiple of 64 unless kF32; padding is zero
  int64_t max_tile_rows = 1;  // KernelTable::max_tile_rows

  const float* floats = nullptr;  // kF32: [rows, cols]
  std::byte* tiles = nullptr;     // kBf16, kInt8: 64-byte aligned
  std::byte* extras = nullptr;    // kInt8: what K-quants read
  float* factors = nullptr;       // kInt8: [rows]

  int64_t num_tiles() const { return CeilDivide(rows, max_tile_rows); }
  RowTile tile(int64_t index) const { return RowTileAt(rows, max_tile_rows, index); }
  RowTile tile_of_row(int64_t row) const { return tile(((row + 1) * num_tiles() - 1) / rows); }

  int64_t num_blocks() const { return cols / kQuantBlock; }
  // Bytes per row in `tiles` and `extras`: a tile that begins at row b begins at b times these.
  int64_t tile_row_bytes() const { return format == RowFormat::kBf16 ? cols * 2 : num_blocks() * kQuantBlockBytes; }
  int64_t extra_row_bytes() const { return num_blocks() * kQuantBlockExtraBytes; }

  std::byte* tile_data(const RowTile& t) const { return tiles + t.begin * tile_row_bytes(); }
  std::byte* extra_data(const RowTile& t) const { return extras + t.begin * extra_row_bytes(); }
};

// Bytes of memory for `rows` rows of `cols` features; zero for kF32.
size_t PackedRowsBytes(RowFormat format, int64_t rows, int64_t cols);

// Lays the parts out in `memory`, 64-byte aligned, of PackedRowsBytes. For kF32 the rows are `floats` themselves.
PackedRows PlanPackedRows(RowFormat format, int64_t rows, int64_t cols, int64_t max_tile_rows, const float* floats,
                          std::byte* memory);

}  // namespace tenfold::kernels
