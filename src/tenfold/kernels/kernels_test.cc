// Every kernel of every instruction set against the reference, and against itself in other company (law 2).
#include <cmath>
#include <cstddef>
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

// The F16 numbers in a block of a K type that bring its integers to scale.
std::vector<size_t> ScaleOffsets(DataType type) {
  return type == DataType::kQ6_K ? std::vector<size_t>{offsetof(tensor::BlockQ6_K, scale)} : std::vector<size_t>{0, 2};
}

bool IsKType(DataType type) {
  return type == DataType::kQ4_K || type == DataType::kQ5_K || type == DataType::kQ6_K;
}

struct OwnedWeights {
  OwnedWeights(DataType type, int64_t rows, int64_t cols)
      : bytes(tensor::RowBytes(type, cols) * static_cast<size_t>(rows)) {
    view = {type, {rows, cols}, bytes.data()};
    if (IsKType(type)) {
      FillBlocks();
      return;
    }
    const std::vector<float> values = Random(static_cast<size_t>(rows * cols), 1);
    for (int64_t r = 0; r < rows; ++r) {
      tensor::QuantizeRow(type, std::span(values).subspan(static_cast<size_t>(r * cols), static_cast<size_t>(cols)),
                          bytes.data() + static_cast<size_t>(r) * view.row_bytes());
    }
  }

  // Any bits make a block, only its F16 numbers must be finite. Here they lie in [2^-7, 2^-6), positive.
  void FillBlocks() {
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(Philox(11, 1, i)[0] & 0xff);
    const size_t block_bytes = tensor::Traits(view.type).block_bytes;
    for (size_t block = 0; block < bytes.size(); block += block_bytes) {
      for (const size_t offset : ScaleOffsets(view.type)) {
        std::byte& high = bytes[block + offset + 1];
        high = (high & std::byte{0x03}) | std::byte{0x20};
      }
    }
  }

  // The same weights with minima added instead of subtracted: what the sum of the magnitudes of all terms is made of.
  OwnedWeights WithMinimaNegated() const {
    OwnedWeights other = *this;
    other.view.data = other.bytes.data();
    if (view.type == DataType::kQ4_K || view.type == DataType::kQ5_K) {
      const size_t block_bytes = tensor::Traits(view.type).block_bytes;
      for (size_t block = 0; block < bytes.size(); block += block_bytes) other.bytes[block + 3] |= std::byte{0x80};
    }
    return other;
  }

  std::vector<std::byte> bytes;
  tensor::TensorView view;
};

std::vector<float> RunMatmul(const KernelTable& table, platform::ThreadPool& threads, const PackedMatrix& weights,
                             const std::vector<float>& x, int64_t rows) {
  std::vector<float> y(static_cast<size_t>(rows * weights.rows()), NAN);
  auto scratch =
      platform::AlignedBuffer::Allocate(MatmulScratchBytes(weights, rows, threads.num_threads()), "scratch").value();
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
                                     MatmulCase{DataType::kQ4_0, 40, 2048}, MatmulCase{DataType::kQ4_K, 35, 256},
                                     MatmulCase{DataType::kQ4_K, 64, 1024}, MatmulCase{DataType::kQ5_K, 35, 256},
                                     MatmulCase{DataType::kQ5_K, 64, 1024}, MatmulCase{DataType::kQ6_K, 35, 256},
                                     MatmulCase{DataType::kQ6_K, 64, 1024})),
    [](const auto& info) {
      const MatmulCase& c = std::get<1>(info.param);
      return IsaName(std::get<0>(info.param)) + "_" + std::string(Name(c.type)) + "_" + std::to_string(c.outputs) +
             "x" + std::to_string(c.cols);
    });

// Bound: each of the K roundings of a chain is at most half a unit in the last place (2^-24) of a partial sum, which
// the sum of magnitudes bounds. Quantized weights add the rounding of a scale, K types with minima a second chain.
TEST_P(MatmulTest, AgreesWithTheReference) {
  const auto [table, shape] = GetParam();
  const OwnedWeights weights(shape.type, shape.outputs, shape.cols);
  platform::ThreadPool threads(2);
  const PackedMatrix packed = PackedMatrix::Pack(weights.view, {}, threads).value();
  constexpr int64_t kRows = 7;
  const std::vector<float> x = Random(static_cast<size_t>(kRows * shape.cols), 2);
  const std::vector<float> seen = ref::RoundLikePackedRows(RowFormatFor(shape.type), x, shape.cols);
  std::vector<double> magnitudes;
  const std::vector<double> expected = ref::Matmul(weights.view, seen, kRows, nullptr);
  ref::Matmul(weights.WithMinimaNegated().view, seen, kRows, &magnitudes);
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
  // Enough for the narrowest row tiles to be unpacked for (WeightFormats::kUnpackFrom), and the widest, too.
  constexpr int64_t kRows = 101;
  const std::vector<float> x = Random(static_cast<size_t>(kRows * shape.cols), 3);
  const std::vector<float> together = RunMatmul(*table, three, packed, x, kRows);
  for (const int64_t count : {0, 1, 2, 3, 4, 5, 6, 8, 11, 16, 40, 100}) {
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

// A NaN or infinity anywhere in a row makes all its products NaN, so that the request fails loudly; the rows beside it
// are as ever.
TEST_P(EveryKernelTable, ProductsDoNotHideNumbersThatAreNone) {
  platform::ThreadPool threads(1);
  for (const DataType type : {DataType::kF32, DataType::kBF16, DataType::kQ8_0, DataType::kQ4_0}) {
    const OwnedWeights weights(type, 16, 64);
    const PackedMatrix packed = PackedMatrix::Pack(weights.view, {}, threads).value();
    const std::vector<float> good = Random(3 * 64, 10);
    const std::vector<float> expected = RunMatmul(*GetParam(), threads, packed, good, 3);
    for (const size_t place : {0, 15, 16, 31, 63}) {
      for (const float broken : {NAN, INFINITY, -INFINITY}) {
        std::vector<float> x = good;
        x[64 + place] = broken;
        const std::vector<float> y = RunMatmul(*GetParam(), threads, packed, x, 3);
        for (size_t i = 0; i < y.size(); ++i) {
          if (i / 16 == 1) {
            EXPECT_FALSE(std::isfinite(y[i])) << Name(type) << " " << place;
          } else {
            EXPECT_EQ(y[i], expected[i]);
          }
        }
      }
    }
  }
}

// Magnitudes that stretch the scales of a row: far apart, tiny, huge, all zero.
TEST_P(EveryKernelTable, PacksRowsOfAnyMagnitude) {
  platform::ThreadPool threads(1);
  const OwnedWeights weights(DataType::kQ8_0, 16, 128);
  const PackedMatrix packed = PackedMatrix::Pack(weights.view, {}, threads).value();
  for (const auto& [first, second] :
       {std::pair{1e-30f, 1.0f}, {1e-20f, 1e20f}, {1e-38f, 1e-38f}, {1e30f, 1e-3f}, {0.0f, 1.0f}, {0.0f, 0.0f}}) {
    std::vector<float> x = Random(128, 12);
    for (size_t i = 0; i < x.size(); ++i) x[i] *= i < 64 ? first : second;
    std::vector<double> magnitudes;
    const auto expected = ref::Matmul(weights.view, ref::RoundLikePackedRows(RowFormat::kInt8, x, 128), 1, &magnitudes);
    const auto y = RunMatmul(*GetParam(), threads, packed, x, 1);
    // As MatmulTest's bound.
    for (size_t i = 0; i < y.size(); ++i)
      ASSERT_NEAR(y[i], expected[i], magnitudes[i] * 132 * 0x1.0p-24) << first << " " << second;
  }
}

TEST(PackedMatrix, RefusesScalesThatAreNone) {
  OwnedWeights weights(DataType::kQ4_0, 20, 64);
  reinterpret_cast<tensor::BlockQ4_0*>(weights.bytes.data())[37].scale = {0x7c00};
  platform::ThreadPool threads(1);
  const auto packed = PackedMatrix::Pack(weights.view, {}, threads);
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().message, "a scale of its Q4_0 blocks is infinite or not a number");
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
