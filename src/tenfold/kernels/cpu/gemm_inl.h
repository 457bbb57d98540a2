// A piece of a product of two f32 matrices over one Simd class (gemm_piece.h).
#pragma once

#include <algorithm>
#include <cstdint>

#include "tenfold/base/rounding.h"
#include "tenfold/kernels/cpu/product_inl.h"
#include "tenfold/kernels/gemm_piece.h"

namespace tenfold::kernels {

template <class S, class Number>
void RunGemm(const GemmPiece& piece) {
  using P = PackedProduct<S, Number>;
  // Blocks as equal as possible: a short one at the end would load and store all sums for little.
  constexpr int64_t kMostDepth = kGemmDepthBytes / static_cast<int64_t>(sizeof(Number));
  const int64_t num_blocks = std::max<int64_t>(CeilDivide(piece.depth, kMostDepth), 1);
  const int64_t block = RoundUp(CeilDivide(piece.depth, num_blocks), int64_t{16});
  auto* const left = reinterpret_cast<Number*>(piece.scratch);
  auto* const right = left + RoundUp(P::LeftSize(piece.rows, block), int64_t{64});
  bool adds = piece.adds;
  // A depth of zero still has its one, empty, pass: the results are zeros.
  int64_t k = 0;
  do {
    const int64_t depth = std::min(block, piece.depth - k);
    const auto a = P::PackLeft(piece.a.At(0, k), piece.rows, depth, left);
    P::PackRight(piece.b.At(k, 0), depth, piece.cols, right);
    P::Multiply(a, piece.rows, right, piece.cols, P::NumSteps(depth), piece.c, piece.c_stride, adds);
    adds = true;
    k += block;
  } while (k < piece.depth);
}

}  // namespace tenfold::kernels
