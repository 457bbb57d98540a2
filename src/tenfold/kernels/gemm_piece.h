// One thread's piece of a product of two f32 matrices that both change from call to call, as training has them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tenfold::kernels {

// What is multiplied: the numbers themselves, or the nearest bfloat16. Sums are f32.
enum class Precision : uint8_t { kF32, kBf16 };

// Element (i, j) is data[i * row_stride + j * col_stride]. One of the strides is 1: the matrix or its transpose.
struct GemmOperand {
  const float* data = nullptr;
  int64_t row_stride = 0;
  int64_t col_stride = 0;

  static GemmOperand Rows(const float* data, int64_t stride) { return {data, stride, 1}; }
  static GemmOperand Transposed(const float* data, int64_t stride) { return {data, 1, stride}; }
  GemmOperand At(int64_t i, int64_t j) const {
    return {data + i * row_stride + j * col_stride, row_stride, col_stride};
  }
};

// Of a piece, at most: its packed operands take 288 KiB and stay in an L2 cache of 512 KiB while each number of one
// meets each of the other. The depth is taken in blocks of kGemmDepthBytes of a row: those of 64 columns, 24 KiB, stay
// in the L1 cache while all rows pass by.
inline constexpr int64_t kGemmRows = 384, kGemmCols = 384, kGemmDepthBytes = 384;
inline constexpr int64_t kGemmScratchBytes = (kGemmRows + kGemmCols) * kGemmDepthBytes + 128;

// c[i, j] = sum over k of a[i, k] * b[k, j], or added to c. The order of an element's sum is that of k, whatever the
// piece; in bfloat16 two neighbouring products are added first or in the instruction set's own way.
struct GemmPiece {
  GemmOperand a;  // [rows, depth]
  GemmOperand b;  // [depth, cols]
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t depth = 0;
  float* c = nullptr;
  int64_t c_stride = 0;  // floats between rows
  bool adds = false;
  std::byte* scratch = nullptr;  // the thread's own, kGemmScratchBytes, 64-byte aligned
};

}  // namespace tenfold::kernels
