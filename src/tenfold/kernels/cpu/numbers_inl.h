// What the tiles of products in registers are written over: the numbers, two bfloat16 or one float in a lane, and a
// loop whose indices are constants.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "tenfold/kernels/cpu/always_inline.h"
#include "tenfold/kernels/cpu/row_ops_inl.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

// Calls body(r, v) for all r < kRows and v < kVectors; r and v are constants. A loop statement would be unrolled too
// late: the sums of a tile would be copied through the stack at its beginning and end.
template <int kRows, int kVectors, class Body>
TENFOLD_INLINE inline void ForEach(Body body) {
  [&]<int... kIndex>(std::integer_sequence<int, kIndex...>) TENFOLD_INLINE {
    (body(std::integral_constant<int, kIndex / kVectors>(), std::integral_constant<int, kIndex % kVectors>()), ...);
  }
  (std::make_integer_sequence<int, kRows * kVectors>());
}

// How numbers in memory are multiplied. A lane takes kPerLane of them at once; what is broadcast against them, one for
// all lanes, are Operands.
template <class S, class Number>
struct Numbers {
  static constexpr int64_t kPerLane = 1;
  using Operand = float;
  using Vector = typename S::F32;
  static Vector Load(const Number* from) { return S::Load(from); }
  static Vector Broadcast(const float* from) { return S::Set(*from); }
  static typename S::F32 MulAdd(typename S::F32 sum, const Vector& a, const Vector& b) { return S::MulAdd(a, b, sum); }
  // Scores are in units of e: a weight is e^score.
  static constexpr float kScoreUnit = 1.0f;
  static typename S::F32 Weight(typename S::F32 score) { return RowOps<S>::Exp(score); }
};

// Two numbers in a lane, multiplied by one instruction where the processor has it. Scores are in units of 2.
template <class S>
struct Numbers<S, tensor::Bf16> {
  static constexpr int64_t kPerLane = 2;
  using Operand = tensor::Bf16;
  using Vector = typename S::Pairs;
  static Vector Load(const tensor::Bf16* from) { return S::LoadPairs(from); }
  static Vector Broadcast(const tensor::Bf16* from) { return S::SetPair(from); }
  static typename S::F32 MulAdd(typename S::F32 sum, const Vector& a, const Vector& b) {
    return S::DotPairs(sum, a, b);
  }
  static constexpr float kScoreUnit = 1.44269504088896341f;
  // 2^x = 2^n 2^r, n whole and |r| <= 1/2; 2^r by the polynomial 1 + c1 r + c2 r^2 + c3 r^3 of least greatest relative
  // error, 1.02e-4: little beside the 2^-8 = 4e-3 of the rounding to bfloat16 that follows. Clamped below, where a
  // weight is nothing beside the greatest. NaN stays NaN.
  static typename S::F32 Weight(typename S::F32 x) {
    x = S::Max(S::Set(-126.0f), x);
    const auto n = S::RoundToInt(x);
    const auto r = S::Sub(x, n);
    auto p = S::MulAdd(S::Set(0.055009022f), r, S::Set(0.24221131f));
    p = S::MulAdd(p, r, S::Set(0.69328296f));
    p = S::MulAdd(p, r, S::Set(1.0f));
    return S::ScaleByPowerOfTwo(p, n);
  }
};

}  // namespace tenfold::kernels
