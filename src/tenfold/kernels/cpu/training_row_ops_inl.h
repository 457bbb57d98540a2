// Gradients over single rows, written once over a Simd class: norms, activations, rotary, and the loss's exponentials.
#pragma once

#include <cmath>
#include <cstdint>

#include "tenfold/kernels/cpu/row_ops_inl.h"

namespace tenfold::kernels {

template <class S>
struct TrainingRowOps {
  using F32 = typename S::F32;
  using Ops = RowOps<S>;

  static float InverseRms(const float* x, float epsilon, int64_t cols) {
    F32 squares = S::Zero();
    Ops::ForEachVector(cols, [&](int64_t i, int64_t n) {
      const F32 v = Ops::LoadSome(x + i, n);
      squares = S::MulAdd(v, v, squares);
    });
    return 1.0f / std::sqrt(S::ReduceAdd(squares) / static_cast<float>(cols) + epsilon);
  }

  // y = x s w with s = (mean(x^2) + e)^-1/2:  dx = s (w dy) - s^3 / n * x * sum(x w dy)
  static void RmsNormGradient(const float* x, const float* weight, const float* dy, float epsilon, int64_t cols,
                              float* dx) {
    const float s = InverseRms(x, epsilon, cols);
    F32 products = S::Zero();
    Ops::ForEachVector(cols, [&](int64_t i, int64_t n) {
      const F32 g = S::Mul(Ops::LoadSome(weight + i, n), Ops::LoadSome(dy + i, n));
      products = S::MulAdd(Ops::LoadSome(x + i, n), g, products);
    });
    const F32 scale = S::Set(s), factor = S::Set(-s * s * s / static_cast<float>(cols) * S::ReduceAdd(products));
    Ops::ForEachVector(cols, [&](int64_t i, int64_t n) {
      const F32 g = S::Mul(Ops::LoadSome(weight + i, n), Ops::LoadSome(dy + i, n));
      Ops::StoreSome(dx + i, S::MulAdd(g, scale, S::Mul(Ops::LoadSome(x + i, n), factor)), n);
    });
  }

  static void RmsNormWeightGradient(const float* x, const float* dy, float epsilon, int64_t cols, float* dw) {
    const F32 scale = S::Set(InverseRms(x, epsilon, cols));
    Ops::ForEachVector(cols, [&](int64_t i, int64_t n) {
      const F32 normalized = S::Mul(Ops::LoadSome(x + i, n), scale);
      Ops::StoreSome(dw + i, S::MulAdd(normalized, Ops::LoadSome(dy + i, n), Ops::LoadSome(dw + i, n)), n);
    });
  }

  // y = z w with z = (x - mean) s:  dx = s (g - mean(g) - z mean(g z)) with g = w dy
  static void LayerNormGradient(const float* x, const float* weight, const float* dy, float epsilon, int64_t cols,
                                float* dx) {
    const auto moments = Ops::MomentsOf(x, epsilon, cols);
    const F32 mean = S::Set(moments.mean), scale = S::Set(moments.inverse_deviation);
    F32 sum = S::Zero(), sum_z = S::Zero();
    Ops::ForEachVector(cols, [&](int64_t i, int64_t n) {
      const F32 g = S::Mul(Ops::LoadSome(weight + i, n), Ops::LoadSome(dy + i, n));
      const F32 z = S::Mul(S::Sub(Ops::LoadSome(x + i, n), mean), scale);
      sum = S::Add(sum, g);
      sum_z = S::MulAdd(g, z, sum_z);
    });
    const auto count = static_cast<float>(cols);
    const F32 mean_g = S::Set(S::ReduceAdd(sum) / count), mean_z = S::Set(S::ReduceAdd(sum_z) / count);
    Ops::ForEachVector(cols, [&](int64_t i, int64_t n) {
      const F32 g = S::Mul(Ops::LoadSome(weight + i, n), Ops::LoadSome(dy + i, n));
      const F32 z = S::Mul(S::Sub(Ops::LoadSome(x + i, n), mean), scale);
      Ops::StoreSome(dx + i, S::Mul(scale, S::Sub(S::Sub(g, mean_g), S::Mul(z, mean_z))), n);
    });
  }

  static void LayerNormWeightGradient(const float* x, const float* dy, float epsilon, int64_t cols, float* dw) {
    const auto moments = Ops::MomentsOf(x, epsilon, cols);
    const F32 mean = S::Set(moments.mean), scale = S::Set(moments.inverse_deviation);
    Ops::ForEachVector(cols, [&](int64_t i, int64_t n) {
      const F32 z = S::Mul(S::Sub(Ops::LoadSome(x + i, n), mean), scale);
      Ops::StoreSome(dw + i, S::MulAdd(z, Ops::LoadSome(dy + i, n), Ops::LoadSome(dw + i, n)), n);
    });
  }

  // y = x p(x) with p = (1 + tanh(z(x))) / 2, p' = 2 p (1 - p) z'.
  static void GeluGradient(const float* x, const float* dy, int64_t count, float* dx) {
    const F32 one = S::Set(1.0f);
    Ops::ForEachVector(count, [&](int64_t i, int64_t n) {
      const F32 v = Ops::LoadSome(x + i, n), p = Ops::GeluShare(v);
      const F32 slope = S::Mul(S::Set(2 * Ops::kGeluFactor), S::MulAdd(S::Mul(v, v), S::Set(3 * Ops::kGeluCubic), one));
      const F32 derivative = S::MulAdd(S::Mul(v, slope), S::Mul(p, S::Sub(one, p)), p);
      Ops::StoreSome(dx + i, S::Mul(derivative, Ops::LoadSome(dy + i, n)), n);
    });
  }

  static void SiluGateGradient(const float* gate, const float* up, const float* dy, int64_t count, float* dgate) {
    const F32 one = S::Set(1.0f);
    Ops::ForEachVector(count, [&](int64_t i, int64_t n) {
      const F32 g = Ops::LoadSome(gate + i, n), sigmoid = Ops::Sigmoid(g);
      const F32 derivative = S::Mul(sigmoid, S::MulAdd(g, S::Sub(one, sigmoid), one));
      Ops::StoreSome(dgate + i, S::Mul(S::Mul(derivative, Ops::LoadSome(up + i, n)), Ops::LoadSome(dy + i, n)), n);
    });
  }

  static void SiluUpGradient(const float* gate, const float* dy, int64_t count, float* dup) {
    Ops::ForEachVector(count, [&](int64_t i, int64_t n) {
      const F32 g = Ops::LoadSome(gate + i, n);
      Ops::StoreSome(dup + i, S::Mul(S::Mul(g, Ops::Sigmoid(g)), Ops::LoadSome(dy + i, n)), n);
    });
  }

  static void RotateHeadBack(const float* x, const float* angles, int64_t half, float* y) {
    Ops::ForEachVector(half, [&](int64_t i, int64_t n) {
      const F32 cosine = Ops::LoadSome(angles + i, n), sine = Ops::LoadSome(angles + half + i, n);
      const F32 first = Ops::LoadSome(x + i, n), second = Ops::LoadSome(x + half + i, n);
      Ops::StoreSome(y + i, S::MulAdd(first, cosine, S::Mul(second, sine)), n);
      Ops::StoreSome(y + half + i, S::Sub(S::Mul(second, cosine), S::Mul(first, sine)), n);
    });
  }

  static float LogSumExp(const float* x, int64_t count) {
    F32 greatest = S::Set(x[0]);
    Ops::ForEachVector(count, [&](int64_t i, int64_t n) {
      greatest = S::Max(greatest, S::KeepFirst(Ops::LoadSome(x + i, n), n, x[0]));
    });
    const float maximum = S::ReduceMax(greatest);
    F32 sum = S::Zero();
    Ops::ForEachVector(count, [&](int64_t i, int64_t n) {
      sum = S::Add(sum, S::KeepFirst(Ops::Exp(S::Sub(Ops::LoadSome(x + i, n), S::Set(maximum))), n, 0.0f));
    });
    return maximum + std::log(S::ReduceAdd(sum));
  }

  static void ScaledExp(const float* x, float normalizer, float factor, int64_t count, float* y) {
    Ops::ForEachVector(count, [&](int64_t i, int64_t n) {
      const F32 e = Ops::Exp(S::Sub(Ops::LoadSome(x + i, n), S::Set(normalizer)));
      Ops::StoreSome(y + i, S::Mul(e, S::Set(factor)), n);
    });
  }
};

}  // namespace tenfold::kernels
