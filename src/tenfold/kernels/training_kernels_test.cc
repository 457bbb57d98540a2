// The kernels over single rows that only training needs, on every instruction set, against their definitions in double
// precision.
#include "tenfold/kernels/training_kernels.h"

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/base/random.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/platform/cpu_features.h"

namespace tenfold::kernels {
namespace {

using Vector = std::vector<double>;

constexpr float kEpsilon = 1e-3f;

struct Row {
  explicit Row(int64_t cols) : cols(cols) {
    for (std::vector<float>* values : {&x, &w, &up, &dy}) {
      const auto stream = static_cast<uint64_t>(100 * cols) + static_cast<uint64_t>(values == &x    ? 1
                                                                                    : values == &w  ? 2
                                                                                    : values == &up ? 3
                                                                                                    : 4);
      for (int64_t i = 0; i < cols; ++i) {
        values->push_back(static_cast<float>(UniformDouble(8, stream, static_cast<uint64_t>(i)) * 6 - 3));
      }
    }
  }
  double X(int64_t i) const { return static_cast<double>(x[static_cast<size_t>(i)]); }
  double W(int64_t i) const { return static_cast<double>(w[static_cast<size_t>(i)]); }
  double Up(int64_t i) const { return static_cast<double>(up[static_cast<size_t>(i)]); }
  double Dy(int64_t i) const { return static_cast<double>(dy[static_cast<size_t>(i)]); }

  int64_t cols;
  std::vector<float> x, w, up, dy;
};

// The derivative of sum(dy * f(x)) in x[i]: what backward kernels compute, by central differences in f64.
Vector Slopes(const Row& row, const std::function<Vector(const Vector&)>& f) {
  Vector x, slopes;
  for (int64_t i = 0; i < row.cols; ++i) x.push_back(row.X(i));
  for (double& each : x) {
    const double at = each, step = 1e-5;
    double difference = 0;
    for (const double sign : {1.0, -1.0}) {
      each = at + sign * step;
      const Vector y = f(x);
      for (int64_t i = 0; i < row.cols; ++i) difference += sign * row.Dy(i) * y[static_cast<size_t>(i)];
    }
    each = at;
    slopes.push_back(difference / (2 * step));
  }
  return slopes;
}

Vector Elements(const Row& row, const std::function<double(int64_t)>& f) {
  Vector result;
  for (int64_t i = 0; i < row.cols; ++i) result.push_back(f(i));
  return result;
}

double MeanOf(const Vector& x) {
  double sum = 0;
  for (const double each : x) sum += each;
  return sum / static_cast<double>(x.size());
}

Vector RmsNormalized(Vector x) {
  Vector squares;
  for (const double each : x) squares.push_back(each * each);
  for (double& each : x) each /= std::sqrt(MeanOf(squares) + static_cast<double>(kEpsilon));
  return x;
}

Vector LayerNormalized(Vector x) {
  const double mean = MeanOf(x);
  for (double& each : x) each -= mean;
  return RmsNormalized(x);
}

double Gelu(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double Silu(double x) {
  return x / (1 + std::exp(-x));
}

void ExpectNear(const Vector& expected, const std::vector<float>& actual, const std::string& what) {
  double greatest = 1;
  for (const double each : expected) greatest = std::max(greatest, std::abs(each));
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(actual[i]), expected[i], 4e-6 * greatest) << what << " at " << i;
  }
}

TEST(TrainingKernelsTest, RowsAgreeWithTheirDefinitions) {
  for (const KernelTable* table : UsableKernels(platform::DetectCpuFeatures())) {
    const TrainingKernels& training = table->training();
    for (const int64_t cols : {2, 16, 17, 100}) {
      const Row row(cols);
      const auto where = [&](const char* what) {
        return std::string(table->name) + " " + what + " of " + std::to_string(cols);
      };
      const auto with_weight = [&](Vector (*normalized)(Vector)) {
        return [&row, normalized](const Vector& x) {
          Vector y = normalized(x);
          for (int64_t i = 0; i < row.cols; ++i) y[static_cast<size_t>(i)] *= row.W(i);
          return y;
        };
      };
      const Vector x = Elements(row, [&](int64_t i) { return row.X(i); });
      std::vector<float> y(static_cast<size_t>(cols));

      table->layer_norm(row.x.data(), row.w.data(), kEpsilon, cols, y.data());
      ExpectNear(with_weight(LayerNormalized)(x), y, where("layer_norm"));
      table->gelu(row.x.data(), cols, y.data());
      ExpectNear(Elements(row, [&](int64_t i) { return Gelu(row.X(i)); }), y, where("gelu"));

      training.rms_norm_gradient(row.x.data(), row.w.data(), row.dy.data(), kEpsilon, cols, y.data());
      ExpectNear(Slopes(row, with_weight(RmsNormalized)), y, where("rms_norm_gradient"));
      training.layer_norm_gradient(row.x.data(), row.w.data(), row.dy.data(), kEpsilon, cols, y.data());
      ExpectNear(Slopes(row, with_weight(LayerNormalized)), y, where("layer_norm_gradient"));
      std::vector<float> in_place = row.dy;  // dx may be dy
      training.layer_norm_gradient(row.x.data(), row.w.data(), in_place.data(), kEpsilon, cols, in_place.data());
      EXPECT_EQ(in_place, y) << where("layer_norm_gradient in place");

      std::vector<float> dw(static_cast<size_t>(cols), 2.0f);
      training.rms_norm_weight_gradient(row.x.data(), row.dy.data(), kEpsilon, cols, dw.data());
      ExpectNear(Elements(row, [&](int64_t i) { return 2 + row.Dy(i) * RmsNormalized(x)[static_cast<size_t>(i)]; }), dw,
                 where("rms_norm_weight_gradient"));
      dw.assign(static_cast<size_t>(cols), 2.0f);
      training.layer_norm_weight_gradient(row.x.data(), row.dy.data(), kEpsilon, cols, dw.data());
      ExpectNear(Elements(row, [&](int64_t i) { return 2 + row.Dy(i) * LayerNormalized(x)[static_cast<size_t>(i)]; }),
                 dw, where("layer_norm_weight_gradient"));

      const auto each = [&](const std::function<double(double, int64_t)>& f) {
        return [&row, f](const Vector& v) {
          return Elements(row, [&](int64_t i) { return f(v[static_cast<size_t>(i)], i); });
        };
      };
      training.gelu_gradient(row.x.data(), row.dy.data(), cols, y.data());
      ExpectNear(Slopes(row, each([](double v, int64_t) { return Gelu(v); })), y, where("gelu_gradient"));
      training.silu_gate_gradient(row.x.data(), row.up.data(), row.dy.data(), cols, y.data());
      ExpectNear(Slopes(row, each([&](double v, int64_t i) { return Silu(v) * row.Up(i); })), y,
                 where("silu_gate_gradient"));
      training.silu_up_gradient(row.x.data(), row.dy.data(), cols, y.data());
      ExpectNear(Elements(row, [&](int64_t i) { return Silu(row.X(i)) * row.Dy(i); }), y, where("silu_up_gradient"));

      double sum = 0;
      for (const double v : x) sum += std::exp(v);
      const float normalizer = training.log_sum_exp(row.x.data(), cols);
      EXPECT_NEAR(static_cast<double>(normalizer), std::log(sum), 2e-6) << where("log_sum_exp");
      training.scaled_exp(row.x.data(), normalizer, 0.5f, cols, y.data());
      ExpectNear(Elements(row, [&](int64_t i) { return 0.5 * std::exp(row.X(i)) / sum; }), y, where("scaled_exp"));

      // There and back is where it was, with angles whose squares add up to one.
      const int64_t half = cols / 2;
      std::vector<float> angles;
      for (int64_t i = 0; i < half; ++i) angles.push_back(std::cos(static_cast<float>(i)));
      for (int64_t i = 0; i < half; ++i) angles.push_back(std::sin(static_cast<float>(i)));
      std::vector<float> rotated = row.x;
      table->rotate_head(row.x.data(), angles.data(), half, rotated.data());
      training.rotate_head_back(rotated.data(), angles.data(), half, y.data());
      y.resize(static_cast<size_t>(2 * half));
      ExpectNear(Vector(x.begin(), x.begin() + 2 * half), y, where("rotate_head_back"));
      y.resize(static_cast<size_t>(cols));
    }
  }
}

TEST(TrainingKernelsTest, LogSumExpNeitherOverflowsNorHidesNaN) {
  for (const KernelTable* table : UsableKernels(platform::DetectCpuFeatures())) {
    const std::vector<float> large = {1000, 1000, -1000};
    EXPECT_NEAR(static_cast<double>(table->training().log_sum_exp(large.data(), 3)), 1000 + std::log(2), 1e-4);
    std::vector<float> bad(40, 0.0f);
    bad[37] = NAN;
    EXPECT_TRUE(std::isnan(table->training().log_sum_exp(bad.data(), 40))) << table->name;
  }
}

}  // namespace
}  // namespace tenfold::kernels
