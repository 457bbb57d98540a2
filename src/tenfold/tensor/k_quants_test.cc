#include "tenfold/tensor/k_quants.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/base/random.h"

namespace tenfold::tensor {
namespace {

// Normally distributed, of the given mean and a deviation of 1 (Box and Muller's method).
std::vector<float> GaussianRow(size_t size, double mean = 0) {
  std::vector<float> row(size);
  for (size_t i = 0; i < size; ++i) {
    const double radius = std::sqrt(-2 * std::log(1 - UniformDouble(11, 0, i)));
    row[i] = static_cast<float>(mean + radius * std::cos(2 * std::numbers::pi * UniformDouble(11, 1, i)));
  }
  return row;
}

std::vector<float> RoundTrip(DataType type, const std::vector<float>& values) {
  std::vector<std::byte> row(RowBytes(type, static_cast<int64_t>(values.size())));
  QuantizeRow(type, values, row.data());
  std::vector<float> back(values.size());
  DequantizeRow(type, row.data(), back);
  return back;
}

double MeanSquaredError(DataType type, const std::vector<float>& values) {
  const std::vector<float> back = RoundTrip(type, values);
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) sum += std::pow(double{back[i]} - double{values[i]}, 2);
  return sum / static_cast<double>(values.size());
}

struct KTypeCase {
  DataType type;
  size_t sub_block;
  bool has_min;
  int num_steps;        // from one end of a sub-block to the other
  int num_scale_steps;  // of whole scales and minima
};

class KTypeTest : public testing::TestWithParam<KTypeCase> {};

INSTANTIATE_TEST_SUITE_P(Types, KTypeTest,
                         testing::Values(KTypeCase{DataType::kQ4_K, 32, true, 15, 63},
                                         KTypeCase{DataType::kQ5_K, 32, true, 31, 63},
                                         KTypeCase{DataType::kQ6_K, 16, false, 64, 127}),
                         [](const auto& info) { return std::string(Name(info.param.type)); });

// Without a search a step is a sub-block's range over the number of steps, and rounding costs step^2 / 12. A whole
// scale is off by up to half its unit, uniformly, which costs (range / scale steps)^2 / 12 at the far end of the range
// and less elsewhere; a minimum the same. The greatest range of the block stands for all of its sub-blocks.
TEST_P(KTypeTest, GaussianErrorStaysBelowThatOfEvenSteps) {
  const KTypeCase& type = GetParam();
  const std::vector<float> values = GaussianRow(64 * kKBlock);
  double bound = 0;
  for (size_t block = 0; block < values.size(); block += kKBlock) {
    double range = 0;
    for (size_t begin = block; begin < block + kKBlock; begin += type.sub_block) {
      const auto [low, high] = std::ranges::minmax(std::span(values).subspan(begin, type.sub_block));
      range = std::max<double>(range, type.has_min ? high - low : 2 * std::max(high, -low));
    }
    const double terms = type.has_min ? 2 : 0.25;  // without a minimum the range lies on both sides of zero
    bound += range * range / 12 * (std::pow(type.num_steps, -2.0) + terms * std::pow(type.num_scale_steps, -2.0));
  }
  EXPECT_LT(MeanSquaredError(type.type, values), bound / static_cast<double>(values.size() / kKBlock));
}

TEST_P(KTypeTest, ConstantRowsComeBack) {
  const KTypeCase& type = GetParam();
  for (const float value : {0.0f, 1.0f, -1.0f, 0.37f, -300.0f}) {
    // One F16 scale (half a unit in its 11 bits) decides: the code and the whole scale are at their ends.
    for (const float back : RoundTrip(type.type, std::vector<float>(2 * kKBlock, value))) {
      ASSERT_NEAR(back, value, std::abs(value) * 0x1.2p-11f) << value;
    }
  }
}

// Blocks know nothing of each other, and a weight that stands out costs its own sub-block most.
TEST_P(KTypeTest, AnOutlierLeavesOtherBlocksAlone) {
  std::vector<float> values = GaussianRow(2 * kKBlock);
  const std::vector<float> before = RoundTrip(GetParam().type, values);
  values[7] = 100;
  const std::vector<float> after = RoundTrip(GetParam().type, values);
  EXPECT_NEAR(after[7], 100, 100.0 / 31);
  EXPECT_TRUE(std::equal(before.begin() + kKBlock, before.end(), after.begin() + kKBlock));
}

TEST(KTypes, MoreBitsMeanLessError) {
  const std::vector<float> values = GaussianRow(64 * kKBlock);
  EXPECT_LT(MeanSquaredError(DataType::kQ4_K, values), MeanSquaredError(DataType::kQ4_0, values));
  EXPECT_LT(MeanSquaredError(DataType::kQ5_K, values), MeanSquaredError(DataType::kQ4_K, values));
  EXPECT_LT(MeanSquaredError(DataType::kQ6_K, values), MeanSquaredError(DataType::kQ5_K, values));
}

// What the minimum is for: 32 weights around -3 reach from about -5.1 to -0.9. Q4_0's steps are 5.1 / 8, Q4_K's 4.2 /
// 15, so its squared error is 5.2 times smaller, less what whole scales cost.
TEST(KTypes, MinimaServeWeightsOfOneSign) {
  const std::vector<float> values = GaussianRow(64 * kKBlock, -3);
  EXPECT_LT(4 * MeanSquaredError(DataType::kQ4_K, values), MeanSquaredError(DataType::kQ4_0, values));
}

TEST(KTypes, CodesKeepTheOrderOfTheWeights) {
  std::vector<float> values(kKBlock);
  for (size_t i = 0; i < kKBlock; ++i) values[i] = static_cast<float>(i * 37 % 16);  // 0 to 15 in every sub-block
  BlockQ4_K block;
  QuantizeKBlock(std::span(values).first<kKBlock>(), block);
  uint8_t codes[kKBlock];
  UnpackCodes(block, codes);
  for (size_t i = 0; i < kKBlock; ++i) EXPECT_EQ(codes[i], i * 37 % 16) << i;
}

}  // namespace
}  // namespace tenfold::tensor
