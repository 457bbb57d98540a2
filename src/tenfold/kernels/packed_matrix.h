// PackedMatrix: a weight matrix rearranged once, at load, into the tiles that the matrix kernels read (law 3).
//
// A tile is 16 rows (output features), one per SIMD lane; tiles follow each other in memory, so a thread that computes
// neighbouring tiles reads one stream. Inside a tile, for K input features (padded with zeros to a whole step):
//
//   F32          [K][16] floats                                              step 1
//   F16, BF16    [K][16] 16-bit numbers, converted when read                 step 1
//   Q8_0         per 64 K: 16 x [16 rows][4 K] bytes, then 2 x 16 F16 scales  (1088 bytes); bytes are w + 128
//   Q4_0         per 64 K:  8 x [16 rows][4 K] bytes, then 2 x 16 F16 scales  (576 bytes); the low nibble of a byte is
//                K element k of a 32-block, the high one k + 16, as in the file; nibbles are w + 8
//
// Weights are unsigned so that VPDPBUSD takes them as they are; the offset is undone by starting each integer sum at
// -offset * sum(activations). Rows past the last are zero. Owner of its memory; immutable after Pack.
#pragma once

#include <cstdint>
#include <span>

#include "tenfold/base/result.h"
#include "tenfold/platform/aligned_buffer.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tensor/tensor_view.h"

namespace tenfold::kernels {

inline constexpr int64_t kTileRows = 16;
// Scales of quantized types cover 32 elements; two such blocks are packed as one step, a multiple of the cache line.
inline constexpr int64_t kQuantBlock = 32;
inline constexpr int64_t kQuantStep = 64;

class PackedMatrix {
 public:
  PackedMatrix() = default;
  // Packs `source` [rows, cols]; packed row i is source row row_order[i], or i when row_order is empty.
  // Errors: kResourceExhausted.
  static Result<PackedMatrix> Pack(const tensor::TensorView& source, std::span<const int32_t> row_order,
                                   platform::ThreadPool& threads);

  tensor::DataType type() const { return type_; }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  int64_t num_tiles() const { return (rows_ + kTileRows - 1) / kTileRows; }
  size_t tile_bytes() const { return tile_bytes_; }
  size_t size_bytes() const { return buffer_.size_bytes(); }
  const std::byte* tile(int64_t index) const { return buffer_.data() + static_cast<size_t>(index) * tile_bytes_; }
  bool is_quantized() const { return type_ == tensor::DataType::kQ8_0 || type_ == tensor::DataType::kQ4_0; }

 private:
  tensor::DataType type_ = tensor::DataType::kF32;
  int64_t rows_ = 0;
  int64_t cols_ = 0;
  size_t tile_bytes_ = 0;
  platform::AlignedBuffer buffer_;
};

}  // namespace tenfold::kernels
