// Every kernel of every instruction set against the reference, and against itself in other company (law 2).
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/base/random.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/matmul.h"
#include "tenfold/kernels/ref/reference.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::kernels {
namespace {

using tensor::DataType;

std::vector<float> Random(size_t count, uint64_t stream) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(UniformDouble(11, stream, i) * 2 - 1);
  return values;
}

struct OwnedWeights {
  OwnedWeights(DataType type, int64_t rows, int64_t cols)
      : bytes(tensor::RowBytes(type, cols) * static_cast<size_t>(rows)) {
    view = {type, {rows, cols}, bytes.data()};
    const std::vector<float> values = Random(static_cast<size_t>(rows * cols), 1);
    for (int64_t r = 0; r < rows; ++r) {
      tensor::QuantizeRow(type, std::span(values).subspan(static_cast<size_t>(r * cols), static_cast<size_t>(cols)),
                          bytes.data() + static_cast<size_t>(r) * view.row_bytes());
    }
  }
  std::vector<std::byte> bytes;
  tensor::TensorView view;
};

std::vector<float> RunMatmul(const KernelTable& table, platform::ThreadPool& threads, const PackedMatrix& weights,
                             const std::vector<float>& x, int64_t rows) {
  std::vector<float> y(static_cast<size_t>(rows * weights.rows()), NAN);
  auto scratch = platform::AlignedBuffer::Allocate(MatmulScratchBytes(weights, rows) + 64, "scratch").value();
  Matmul(table, threads, weights, x.data(), rows, y.data(), scratch.data());
  return y;
}

std::string IsaName(const KernelTable* table) {
  std::string name = table->name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class EveryKernelTable : public testing::TestWithParam<const KernelTable*> {};
INSTANTIATE_TEST_SUITE_P(Isa, EveryKernelTable, testing::ValuesIn(UsableKernels(platform::DetectCpuFeatures())),
                         [](const auto& info) { return IsaName(info.param); });

struct MatmulCase {
  DataType type;
  int64_t outputs, cols;
};

class MatmulTest : public testing::TestWithParam<std::tuple<const KernelTable*, MatmulCase>> {};
INSTANTIATE_TEST_SUITE_P(
    Shapes, MatmulTest,
    testing::Combine(testing::ValuesIn(UsableKernels(platform::DetectCpuFeatures())),
                     testing::Values(MatmulCase{DataType::kF32, 1, 1}, MatmulCase{DataType::kF32, 37, 172},
                                     MatmulCase{DataType::kF16, 48, 65}, MatmulCase{DataType::kBF16, 50, 64},
                                     MatmulCase{DataType::kQ8_0, 33, 32}, MatmulCase{DataType::kQ8_0, 64, 352},
                                     MatmulCase{DataType::kQ4_0, 16, 64}, MatmulCase{DataType::kQ4_0, 71, 96},
                                     MatmulCase{DataType::kQ4_0, 40, 2048})),
    [](const auto& info) {
      const MatmulCase& c = std::get<1>(info.param);
      return IsaName(std::get<0>(info.param)) + "_" + std::string(Name(c.type)) + "_" + std::to_string(c.outputs) +
             "x" + std::to_string(c.cols);
    });

// Bound: each of the K roundings of a chain is at most half a unit in the last place (2^-24) of a partial sum, which
// the sum of magnitudes bounds. Quantized weights add the rounding of the two scales' product.
TEST_P(MatmulTest, AgreesWithTheReference) {
  const auto [table, shape] = GetParam();
  const OwnedWeights weights(shape.type, shape.outputs, shape.cols);
  platform::ThreadPool threads(2);
  const PackedMatrix packed = PackedMatrix::Pack(weights.view, {}, threads).value();
  constexpr int64_t kRows = 7;
  const std::vector<float> x = Random(static_cast<size_t>(kRows * shape.cols), 2);
  const std::vector<float> seen = packed.is_quantized() ? ref::RoundToInt8Blocks(x, shape.cols) : x;
  std::vector<double> magnitudes;
  const std::vector<double> expected = ref::Matmul(weights.view, seen, kRows, &magnitudes);
  const std::vector<float> y = RunMatmul(*table, threads, packed, x, kRows);
  for (size_t i = 0; i < y.size(); ++i) {
    const double bound = magnitudes[i] * static_cast<double>(shape.cols + 4) * 0x1.0p-24;
    ASSERT_NEAR(y[i], expected[i], bound) << "element " << i;
  }
}

TEST_P(MatmulTest, RowsDoNotDependOnTheirCompany) {
  const auto [table, shape] = GetParam();
  const OwnedWeights weights(shape.type, shape.outputs, shape.cols);
  platform::ThreadPool one(1), three(3);
  const PackedMatrix packed = PackedMatrix::Pack(weights.view, {}, three).value();
  constexpr int64_t kRows = 41;
  const std::vector<float> x = Random(static_cast<size_t>(kRows * shape.cols), 3);
  const std::vector<float> together = RunMatmul(*table, three, packed, x, kRows);
  for (const int64_t count : {1, 2, 3, 4, 5, 6, 8, 11, 16, 40}) {
    const std::vector<float> some(x.begin() + shape.cols, x.begin() + (1 + count) * shape.cols);
    const std::vector<float> y = RunMatmul(*table, one, packed, some, count);
    for (size_t i = 0; i < y.size(); ++i)
      ASSERT_EQ(y[i], together[static_cast<size_t>(shape.outputs) + i]) << count << " rows";
  }
}

TEST(PackedMatrix, ReordersRows) {
  const OwnedWeights weights(DataType::kQ8_0, 20, 64);
  platform::ThreadPool threads(1);
  std::vector<int32_t> order(20);
  std::iota(order.rbegin(), order.rend(), 0);
  const KernelTable& table = *UsableKernels({}).back();
  const std::vector<float> x = Random(64, 4);
  const auto plain = RunMatmul(table, threads, PackedMatrix::Pack(weights.view, {}, threads).value(), x, 1);
  auto reversed = RunMatmul(table, threads, PackedMatrix::Pack(weights.view, order, threads).value(), x, 1);
  std::reverse(reversed.begin(), reversed.end());
  EXPECT_EQ(plain, reversed);
}

TEST_P(EveryKernelTable, RmsNormAgreesWithTheReference) {
  for (const int64_t cols : {1, 15, 16, 64, 172}) {
    const auto x = Random(static_cast<size_t>(cols), 5), weight = Random(static_cast<size_t>(cols), 6);
    std::vector<float> y(x.size());
    GetParam()->rms_norm(x.data(), weight.data(), 1e-5f, cols, y.data());
    const auto expected = ref::RmsNorm(x, weight, 1e-5f);
    for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], expected[i], std::abs(expected[i]) * 1e-6 + 1e-12) << cols;
  }
}

TEST_P(EveryKernelTable, SiluMultiplyAgreesWithItsDefinition) {
  std::vector<float> gate, up;
  for (float v = -110; v < 110; v += 0.37f) {
    gate.push_back(v);
    up.push_back(1.5f);
  }
  std::vector<float> y(gate.size());
  GetParam()->silu_multiply(gate.data(), up.data(), static_cast<int64_t>(gate.size()), y.data());
  for (size_t i = 0; i < y.size(); ++i) {
    const double expected = 1.5 * gate[i] / (1 + std::exp(-static_cast<double>(gate[i])));
    // exp is clamped at e^88, so very negative gates give up to 110 * e^-88 instead of less.
    ASSERT_NEAR(y[i], expected, std::abs(expected) * 1e-6 + 1e-35) << gate[i];
  }
}

TEST_P(EveryKernelTable, RotateHeadRotates) {
  for (const int64_t half : {1, 4, 16, 40}) {
    const auto x = Random(static_cast<size_t>(2 * half), 7);
    std::vector<float> angles(x.size()), y(x.size());
    for (size_t i = 0; i < static_cast<size_t>(half); ++i) {
      angles[i] = std::cos(0.3f * static_cast<float>(i));
      angles[static_cast<size_t>(half) + i] = std::sin(0.3f * static_cast<float>(i));
    }
    GetParam()->rotate_head(x.data(), angles.data(), half, y.data());
    for (size_t i = 0; i < static_cast<size_t>(half); ++i) {
      const size_t j = static_cast<size_t>(half) + i;
      ASSERT_NEAR(y[i], x[i] * angles[i] - x[j] * angles[j], 1e-6);
      ASSERT_NEAR(y[j], x[j] * angles[i] + x[i] * angles[j], 1e-6);
    }
  }
}

TEST_P(EveryKernelTable, AddAdds) {
  const auto a = Random(37, 8), b = Random(37, 9);
  std::vector<float> y(37);
  GetParam()->add(a.data(), b.data(), 37, y.data());
  for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], a[i] + b[i]);
}

// A NaN or infinity anywhere in a block makes its scale NaN, so that the products are NaN too and the request fails
// loudly.
TEST_P(EveryKernelTable, QuantizeRowDoesNotHideNumbersThatAreNone) {
  for (const size_t place : {0, 15, 16, 31}) {
    for (const float broken : {NAN, INFINITY, -INFINITY}) {
      std::vector<float> x = Random(64, 10);
      x[place] = broken;
      std::vector<int8_t> values(64);
      std::vector<float> scales(2);
      std::vector<int32_t> negative_sums(2);
      GetParam()->quantize_row(x.data(), 64, 0, {64, values.data(), scales.data(), negative_sums.data()});
      EXPECT_TRUE(std::isnan(scales[0])) << place;
      EXPECT_TRUE(std::isfinite(scales[1]));
      EXPECT_EQ(negative_sums[0], 0);
    }
  }
}

TEST_P(EveryKernelTable, SiluMultiplyKeepsNaN) {
  const std::vector<float> gate(5, NAN), up(5, 1.0f);
  std::vector<float> y(5);
  GetParam()->silu_multiply(gate.data(), up.data(), 5, y.data());
  for (const float value : y) EXPECT_TRUE(std::isnan(value));
}

// The totals tell how many operations a loop did: as many as it says. All of them are exact in a float.
TEST_P(EveryKernelTable, PeakLoopsDoTheWorkTheyCount) {
  const PeakRates& peak = GetParam()->peak;
  const auto per_iteration = [](const PeakLoop& loop) {
    return (loop.run(64) - loop.run(0)) / 64 / static_cast<float>(loop.operations);
  };
  EXPECT_EQ(peak.multiply_add_f32.run(64), static_cast<float>(peak.multiply_add_f32.operations));  // every sum is 2
  EXPECT_EQ(per_iteration(peak.dot_bf16), 0.25f * 0.25f / 2);
  EXPECT_EQ(per_iteration(peak.dot_int8), 3.0f * 1 / 2);
  const std::vector<float> ones(24 * 12 * 16, 1.0f);
  EXPECT_EQ(peak.read(ones.data(), static_cast<int64_t>(ones.size())), static_cast<float>(ones.size()));
}

TEST(SelectKernels, NamesWhatThereIs) {
  EXPECT_STREQ(SelectKernels("portable", {}).value()->name, "portable");
  EXPECT_STREQ(SelectKernels("auto", {}).value()->name, "portable");
  const auto wrong = SelectKernels("avx9", {});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "no kernels named \"avx9\" for this processor; there are: auto, portable");
}

}  // namespace
}  // namespace tenfold::kernels
