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
  auto* const left = reinterpret_cast<Number*>(piece.scratch);
  auto* const right = left + RoundUp(P::LeftSize(piece.rows, std::min(piece.depth, kGemmDepth)), int64_t{64});
  bool adds = piece.adds;
  // A depth of zero still has its one, empty, pass: the results are zeros.
  for (int64_t k = 0; k < std::max<int64_t>(piece.depth, 1); k += kGemmDepth) {
    const int64_t depth = std::min(kGemmDepth, piece.depth - k);
    const auto a = P::PackLeft(piece.a.At(0, k), piece.rows, depth, left);
    P::PackRight(piece.b.At(k, 0), depth, piece.cols, right);
    P::Multiply(a, piece.rows, right, piece.cols, P::NumSteps(depth), piece.c, piece.c_stride, adds);
    adds = true;
  }
}

}  // namespace tenfold::kernels
