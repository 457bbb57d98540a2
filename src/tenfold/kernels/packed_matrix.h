// PackedMatrix: a weight matrix rearranged once, at load, into the tiles that the matrix kernels read (law 3).
//
// A tile is 16 rows (output features), one per SIMD lane; tiles follow each other in memory, so a thread that computes
// neighbouring tiles reads one stream. Inside a tile, for K input features (padded with zeros to a whole step):
//
//   F32    [K][16] floats
//   F16    [K][16] 16-bit numbers, converted when read
//   BF16   [K / 2][16][2] 16-bit numbers; K padded to 64
//   Q8_0   per 64 K: 16 x [16 rows][4 K] bytes, then 2 x 16 F16 scales (1088 bytes); bytes are w + 128; K padded to 64
//   Q4_0   per 64 K: 8 x [16 rows][4 K] bytes, then 2 x 16 F16 scales (576 bytes); the low nibble of a byte is K
//          element k of a 32-block, the high one k + 16, as in the file; nibbles are w + 8; K padded to 64
//   Q4_K   per 256 K: 8 blocks of nibbles as in Q4_0, then [8][16] scales and [8][16] minima of 8 bits, then 16 F16
//          that the scales are multiples of and 16 for the minima (2368 bytes)
//   Q5_K   the nibbles; then per 32 K [16 rows][4] bytes whose bit g is the fifth of K 4 g + j; then as Q4_K (2880
//          bytes)
//   Q6_K   the nibbles; then per 16 K [16 rows][4] bytes whose bits 2 g and 2 g + 1 are the upper ones of K 4 g + j;
//          then [16][16] signed 8-bit scales and 16 F16 that they are multiples of, padded to a cache line (3392 bytes)
//
// Integers are unsigned so that VPDPBUSD takes them as they are; the offset is undone by starting each integer sum at
// -offset * sum(activations). Rows past the last are zero. Owner of its memory; immutable after Pack.
#pragma once

#include <cstdint>
#include <span>

#include "tenfold/base/result.h"
#include "tenfold/base/rounding.h"
#include "tenfold/platform/aligned_buffer.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tensor/tensor_view.h"

namespace tenfold::kernels {

inline constexpr int64_t kTileRows = 16;

class PackedMatrix {
 public:
  PackedMatrix() = default;
  // Packs `source` [rows, cols]; packed row i is source row row_order[i], or i when row_order is empty.
  // Errors: kResourceExhausted; kCorrupt when a scale of a quantized type is infinite or not a number.
  static Result<PackedMatrix> Pack(const tensor::TensorView& source, std::span<const int32_t> row_order,
                                   platform::ThreadPool& threads);

  tensor::DataType type() const { return type_; }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  int64_t padded_cols() const { return padded_cols_; }  // what the kernels walk over, in blocks of 32
  int64_t num_tiles() const { return CeilDivide(rows_, kTileRows); }
  size_t tile_bytes() const { return tile_bytes_; }
  size_t size_bytes() const { return buffer_.size_bytes(); }
  const std::byte* tile(int64_t index) const { return buffer_.data() + static_cast<size_t>(index) * tile_bytes_; }

 private:
  tensor::DataType type_ = tensor::DataType::kF32;
  int64_t rows_ = 0;
  int64_t cols_ = 0;
  int64_t padded_cols_ = 0;
  size_t tile_bytes_ = 0;
  platform::AlignedBuffer buffer_;
};

}  // namespace tenfold::kernels
