// Kernels over single rows, written once over a Simd class (simd_avx512.h): norms, rotary, activations.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tenfold/kernels/kernel_table.h"

namespace tenfold::kernels {

template <class S>
struct RowOps {
  using F32 = typename S::F32;

  // e^x with a relative error below 2e-7 for x in [-87.3, 88]; clamped outside, so it never overflows. NaN stays NaN.
  // x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor polynomial of degree 7, whose remainder is r^8 / 8! < 6e-9.
  static F32 Exp(F32 x) {
    x = S::Min(S::Set(88.0f), S::Max(S::Set(-87.3f), x));
    const F32 n = S::RoundToInt(S::Mul(x, S::Set(1.44269504088896341f)));
    // ln 2 in two parts: n * kLn2High is exact for |n| < 2^10.
    constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
    const F32 r = S::MulAdd(n, S::Set(-kLn2Low), S::MulAdd(n, S::Set(-kLn2High), x));
    F32 p = S::Set(1.0f / 5040);
    for (const float coefficient : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) {
      p = S::MulAdd(p, r, S::Set(coefficient));
    }
    return S::ScaleByPowerOfTwo(p, n);
  }

  // Calls body(offset, count) for whole vectors (count 16) and then once for what is left.
  template <class Body>
  static void ForEachVector(int64_t count, Body body) {
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) body(i, int64_t{16});
    if (i < count) body(i, count - i);
  }
  static F32 LoadSome(const float* from, int64_t count) {
    return count == 16 ? S::Load(from) : S::LoadPart(from, count);
  }
  static void StoreSome(float* to, F32 v, int64_t count) {
    if (count == 16) {
      S::Store(to, v);
    } else {
      S::StorePart(to, v, count);
    }
  }

  static void RmsNorm(const float* x, const float* weight, float epsilon, int64_t cols, float* y) {
    F32 squares = S::Zero();
    ForEachVector(cols, [&](int64_t i, int64_t n) {
      const F32 v = LoadSome(x + i, n);
      squares = S::MulAdd(v, v, squares);
    });
    const float mean = S::ReduceAdd(squares) / static_cast<float>(cols);
    const F32 scale = S::Set(1.0f / std::sqrt(mean + epsilon));
    ForEachVector(cols, [&](int64_t i, int64_t n) {
      StoreSome(y + i, S::Mul(S::Mul(LoadSome(x + i, n), scale), LoadSome(weight + i, n)), n);
    });
  }

  // Of a row, for layer normalization.
  struct Moments {
    float mean, inverse_deviation;
  };
  static Moments MomentsOf(const float* x, float epsilon, int64_t cols) {
    F32 sum = S::Zero();
    ForEachVector(cols, [&](int64_t i, int64_t n) { sum = S::Add(sum, LoadSome(x + i, n)); });
    const float mean = S::ReduceAdd(sum) / static_cast<float>(cols);
    F32 squares = S::Zero();
    ForEachVector(cols, [&](int64_t i, int64_t n) {
      const F32 difference = S::KeepFirst(S::Sub(LoadSome(x + i, n), S::Set(mean)), n, 0.0f);
      squares = S::MulAdd(difference, difference, squares);
    });
    const float variance = S::ReduceAdd(squares) / static_cast<float>(cols);
    return {mean, 1.0f / std::sqrt(variance + epsilon)};
  }

  static void LayerNorm(const float* x, const float* weight, float epsilon, int64_t cols, float* y) {
    const Moments moments = MomentsOf(x, epsilon, cols);
    const F32 mean = S::Set(moments.mean), scale = S::Set(moments.inverse_deviation);
    ForEachVector(cols, [&](int64_t i, int64_t n) {
      StoreSome(y + i, S::Mul(S::Mul(S::Sub(LoadSome(x + i, n), mean), scale), LoadSome(weight + i, n)), n);
    });
  }

  static void RotateHead(const float* x, const float* angles, int64_t half, float* y) {
    ForEachVector(half, [&](int64_t i, int64_t n) {
      const F32 cosine = LoadSome(angles + i, n), sine = LoadSome(angles + half + i, n);
      const F32 first = LoadSome(x + i, n), second = LoadSome(x + half + i, n);
      StoreSome(y + i, S::Sub(S::Mul(first, cosine), S::Mul(second, sine)), n);
      StoreSome(y + half + i, S::MulAdd(second, cosine, S::Mul(first, sine)), n);
    });
  }

  static void AddRows(const float* a, const float* b, int64_t count, float* y) {
    ForEachVector(count,
                  [&](int64_t i, int64_t n) { StoreSome(y + i, S::Add(LoadSome(a + i, n), LoadSome(b + i, n)), n); });
  }

  // (1 + tanh(z)) / 2 = 1 / (1 + e^-2z) for the z of GELU, in its tanh form (Hendrycks and Gimpel, 2016).
  static constexpr float kGeluFactor = 0.7978845608028654f, kGeluCubic = 0.044715f;
  static F32 GeluShare(F32 x) {
    const F32 cubic = S::MulAdd(S::Mul(S::Set(kGeluCubic), S::Mul(x, x)), x, x);
    return S::Div(S::Set(1.0f), S::Add(S::Set(1.0f), Exp(S::Mul(S::Set(-2 * kGeluFactor), cubic))));
  }

  static void Gelu(const float* x, int64_t count, float* y) {
    ForEachVector(count, [&](int64_t i, int64_t n) {
      const F32 v = LoadSome(x + i, n);
      StoreSome(y + i, S::Mul(v, GeluShare(v)), n);
    });
  }

  static F32 Sigmoid(F32 x) { return S::Div(S::Set(1.0f), S::Add(S::Set(1.0f), Exp(S::Sub(S::Zero(), x)))); }

  static void SiluMultiply(const float* gate, const float* up, int64_t count, float* y) {
    const F32 one = S::Set(1.0f);
    ForEachVector(count, [&](int64_t i, int64_t n) {
      const F32 g = LoadSome(gate + i, n);
      const F32 denominator = S::Add(one, Exp(S::Sub(S::Zero(), g)));
      StoreSome(y + i, S::Mul(S::Div(g, denominator), LoadSome(up + i, n)), n);
    });
  }
};

}  // namespace tenfold::kernels
