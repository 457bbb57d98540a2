// Products of two f32 matrices: every instruction set against double precision, and against itself on other numbers of
// threads and in other company.
#include "tenfold/kernels/gemm.h"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/base/random.h"
#include "tenfold/kernels/heap_scratch_for_test.h"
#include "tenfold/platform/cpu_features.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {
namespace {

// A matrix, as it stands or transposed, with rows further apart than they are long.
struct Matrix {
  Matrix(int64_t rows, int64_t cols, bool is_transposed, uint64_t stream)
      : rows(rows), cols(cols), stride((is_transposed ? rows : cols) + 3), is_transposed(is_transposed) {
    values.resize(static_cast<size_t>(stride * (is_transposed ? cols : rows)), NAN);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < cols; ++j) {
        at(i, j) = static_cast<float>(UniformDouble(3, stream, static_cast<uint64_t>(i * cols + j)) * 2 - 1);
      }
    }
  }
  float& at(int64_t i, int64_t j) {
    return values[static_cast<size_t>(is_transposed ? j * stride + i : i * stride + j)];
  }
  GemmOperand operand() const {
    return is_transposed ? GemmOperand::Transposed(values.data(), stride) : GemmOperand::Rows(values.data(), stride);
  }

  int64_t rows, cols, stride;
  bool is_transposed;
  std::vector<float> values;
};

struct Case {
  int64_t rows, cols, depth;
  bool transpose_a, transpose_b, adds;
};

// Odd sizes, whole tiles, several pieces; all four orders of the operands.
std::vector<Case> Cases() {
  std::vector<Case> cases;
  const int64_t sizes[][3] = {{1, 1, 1},    {6, 64, 128},    {7, 17, 3},   {5, 65, 129},
                              {50, 80, 31}, {400, 300, 257}, {97, 48, 64}, {3, 16, 0}};
  for (const auto& [rows, cols, depth] : sizes) {
    for (int order = 0; order < 4; ++order) {
      cases.push_back({rows, cols, depth, order % 2 != 0, order / 2 != 0, (rows + order) % 2 != 0});
    }
  }
  return cases;
}

std::vector<float> Multiply(const KernelTable& table, int num_threads, Precision precision, const Case& c,
                            const Matrix& a, const Matrix& b) {
  platform::ThreadPool threads(num_threads);
  const HeapScratch scratch(GemmScratchBytes(threads.num_threads()));
  std::vector<float> y(static_cast<size_t>(c.rows * (c.cols + 1)), 0.5f);
  Gemm(table, threads, precision,
       {.a = a.operand(),
        .b = b.operand(),
        .rows = c.rows,
        .cols = c.cols,
        .depth = c.depth,
        .c = y.data(),
        .c_stride = c.cols + 1,
        .adds = c.adds},
       scratch.data());
  return y;
}

TEST(GemmTest, AgreesWithDoublePrecision) {
  for (const KernelTable* table : UsableKernels(platform::DetectCpuFeatures())) {
    for (const Precision precision : {Precision::kF32, Precision::kBf16}) {
      const auto rounded = [&](float x) {
        return static_cast<double>(precision == Precision::kF32 ? x : tensor::ToFloat(tensor::ToBf16(x)));
      };
      for (const Case& c : Cases()) {
        Matrix a(c.rows, c.depth, c.transpose_a, 1), b(c.depth, c.cols, c.transpose_b, 2);
        const std::vector<float> y = Multiply(*table, 1, precision, c, a, b);
        for (int64_t i = 0; i < c.rows; ++i) {
          for (int64_t j = 0; j < c.cols; ++j) {
            double sum = c.adds ? 0.5 : 0, magnitude = sum;
            for (int64_t k = 0; k < c.depth; ++k) {
              const double term = rounded(a.at(i, k)) * rounded(b.at(k, j));
              sum += term;
              magnitude += std::abs(term);
            }
            // A rounding of 2^-24 at each of the additions, of sums that are at most the magnitude.
            const double tolerance = static_cast<double>(c.depth + 1) * std::ldexp(magnitude, -24);
            ASSERT_NEAR(y[static_cast<size_t>(i * (c.cols + 1) + j)], sum, tolerance)
                << table->name << (precision == Precision::kF32 ? " f32 " : " bf16 ") << c.rows << "x" << c.cols << "x"
                << c.depth << " order " << c.transpose_a << c.transpose_b << " at " << i << ", " << j;
          }
          ASSERT_EQ(y[static_cast<size_t>(i * (c.cols + 1) + c.cols)], 0.5f) << table->name << ": wrote beyond a row";
        }
      }
    }
  }
}

TEST(GemmTest, BitsDependNeitherOnThreadsNorOnCompany) {
  for (const KernelTable* table : UsableKernels(platform::DetectCpuFeatures())) {
    for (const Precision precision : {Precision::kF32, Precision::kBf16}) {
      const Case all{400, 300, 257, false, true, false};
      const Matrix a(all.rows, all.depth, false, 1), b(all.depth, all.cols, true, 2);
      const std::vector<float> expected = Multiply(*table, 1, precision, all, a, b);
      EXPECT_EQ(Multiply(*table, 3, precision, all, a, b), expected) << table->name;
      // A few rows alone.
      const Case some{5, 300, 257, false, true, false};
      const std::vector<float> alone = Multiply(*table, 1, precision, some, a, b);
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), expected.begin())) << table->name;
    }
  }
}

}  // namespace
}  // namespace tenfold::kernels
