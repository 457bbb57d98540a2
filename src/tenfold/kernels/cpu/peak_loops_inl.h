// What the processor can do at most: loops of nothing but multiply-adds or loads, written once over a Simd class
// (simd_avx512.h). `tenfold bench` judges kernels against them (bench/machine_limits.h); nothing else calls them.
//
// A loop reaches the peak when it waits for nothing: every operand is a register, and there are more independent chains
// of sums than multiply-adds in flight (two pipes, latency 4: eight; twelve leave room for slower processors). Where
// sixteen lanes need several registers, there are fewer chains, so that their sums still fit beside the operands.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tenfold/kernels/cpu/always_inline.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

template <class S>
struct PeakLoops {
  using F32 = typename S::F32;
  using I32 = typename S::I32;

  // A register type is aligned to itself; one made of smaller registers, to those (plain floats: to 16 bytes at least).
  static constexpr int kRegistersPerVector = static_cast<int>(sizeof(F32) / std::max<size_t>(16, alignof(F32)));
  static constexpr int kChains = 12 / kRegistersPerVector;
  // Operands of the dot products: each left side meets each right side once.
  static constexpr int kLefts = kRegistersPerVector == 1 ? 3 : 1;
  static constexpr int kRights = kChains / kLefts;
  static constexpr int64_t kLanes = 16;

  // The value, which from here on the compiler knows nothing about: what depends on it cannot leave the loop. Costs no
  // instruction where a vector is a register, and a load otherwise.
  template <class Vector>
  static void Forget(Vector& value) {
    if constexpr (sizeof(Vector) == alignof(Vector)) {
      asm("" : "+v"(value));
    } else {
      asm("" : "+m"(value));
    }
  }

  static float Total(const F32* sums) {
    F32 total = sums[0];
#pragma GCC unroll 12
    for (int i = 1; i < kChains; ++i) total = S::Add(total, sums[i]);
    return S::ReduceAdd(total);
  }

  static float MultiplyAddF32(int64_t iterations) {
    F32 sums[kChains];
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = S::Set(static_cast<float>(i));
    // sum = sum * 0.5 + 1 tends to 2: neither denormal nor infinite, and no product is the same twice.
    const F32 factor = S::Set(0.5f), addend = S::Set(1.0f);
    for (int64_t n = 0; n < iterations; ++n) {
#pragma GCC unroll 12
      for (int i = 0; i < kChains; ++i) sums[i] = S::MulAdd(sums[i], factor, addend);
    }
    return Total(sums);
  }

  // No two chains multiply the same pair of a left and a right side, or a product would be computed once for both.
  static float DotBf16(int64_t iterations) {
    tensor::Bf16 numbers[2 * kLanes];
    std::fill_n(numbers, 2 * kLanes, tensor::ToBf16(0.25f));
    F32 sums[kChains];
    typename S::Pairs left[kLefts], right[kRights];
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = S::Set(static_cast<float>(i));
#pragma GCC unroll 12
    for (int i = 0; i < kLefts; ++i) left[i] = S::LoadPairs(numbers);
#pragma GCC unroll 12
    for (int i = 0; i < kRights; ++i) {
      right[i] = S::LoadPairs(numbers);
      Forget(right[i]);
    }
    for (int64_t n = 0; n < iterations; ++n) {
#pragma GCC unroll 12
      for (int i = 0; i < kLefts; ++i) Forget(left[i]);
#pragma GCC unroll 12
      for (int i = 0; i < kChains; ++i) sums[i] = S::DotPairs(sums[i], left[i % kLefts], right[i / kLefts]);
    }
    return Total(sums);
  }

  // The fastest that there is, with weights of four bits.
  static float DotInt8(int64_t iterations) {
    if constexpr (S::template kDotsPerSum<4> == 0) {
      I32 sums[kChains];
#pragma GCC unroll 12
      for (int i = 0; i < kChains; ++i) sums[i] = S::SetInt(i);
      return DotInt8Into(sums, iterations, [](const I32& sum) { return sum; });
    } else {
      // They wrap around, which costs nothing.
      typename S::SmallSum sums[kChains];
#pragma GCC unroll 12
      for (int i = 0; i < kChains; ++i) sums[i] = S::ZeroDots();
      return DotInt8Into(sums, iterations, [](const auto& sum) { return S::Widen(S::SetInt(0), sum); });
    }
  }
  template <class Sum, class ToInts>
  static TENFOLD_INLINE float DotInt8Into(Sum (&sums)[kChains], int64_t iterations, ToInts to_ints) {
    uint8_t weights[4 * kLanes];
    std::fill_n(weights, 4 * kLanes, uint8_t{3});
    const int8_t ones[4] = {1, 1, 1, 1};
    typename S::Quad right[kRights];
#pragma GCC unroll 12
    for (int i = 0; i < kRights; ++i) {
      right[i] = S::SetQuad(ones);
      Forget(right[i]);
    }
    typename S::Bytes left[kLefts];
#pragma GCC unroll 12
    for (int i = 0; i < kLefts; ++i) left[i] = S::LoadBytes(weights);
    for (int64_t n = 0; n < iterations; ++n) {
#pragma GCC unroll 12
      for (int i = 0; i < kLefts; ++i) Forget(left[i]);
#pragma GCC unroll 12
      for (int i = 0; i < kChains; ++i) {
        sums[i] = S::DotAdd(sums[i], left[i % kLefts], right[i / kLefts]);
        // Keeps g++ 12 from copying every sum at the end of an iteration.
        if constexpr (kRegistersPerVector == 1) Forget(sums[i]);
      }
    }
    F32 totals[kChains];
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) totals[i] = S::ToFloats(to_ints(sums[i]));
    return Total(totals);
  }

  // The sum of whole groups of kChains vectors; what is left at the end is not read.
  static float Read(const float* from, int64_t count) {
    F32 sums[kChains];
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = S::Zero();
    const float* const end = from + count / (kChains * kLanes) * (kChains * kLanes);
    for (; from < end; from += kChains * kLanes) {
#pragma GCC unroll 12
      for (int i = 0; i < kChains; ++i) sums[i] = S::Add(sums[i], S::Load(from + i * kLanes));
    }
    return Total(sums);
  }

  // A multiply-add is two operations.
  static constexpr PeakRates kRates = {
      .multiply_add_f32 = {MultiplyAddF32, kChains* kLanes * 2},
      .dot_bf16 = {DotBf16, kChains* kLanes * 2 * 2},
      .dot_int8 = {DotInt8, kChains* kLanes * 4 * 2},
      .read = Read,
  };
};

}  // namespace tenfold::kernels
