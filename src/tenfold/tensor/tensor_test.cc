#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/base/random.h"
#include "tenfold/tensor/half.h"
#include "tenfold/tensor/quantized_blocks.h"
#include "tenfold/tensor/shape.h"

namespace tenfold::tensor {
namespace {

TEST(Half, F16RoundTripsEveryNumber) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const F16 half{static_cast<uint16_t>(bits)};
    const float value = ToFloat(half);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(ToFloat(ToF16(value))));
    } else {
      ASSERT_EQ(ToF16(value).bits, bits);
    }
  }
}

TEST(Half, F16AgreesWithTheCompiler) {
#if defined(__FLT16_MAX__)
  for (uint64_t i = 0; i < 200000; ++i) {
    const float value = std::bit_cast<float>(Philox(1, 0, i)[0]);
    if (std::isnan(value)) continue;
    const _Float16 expected = static_cast<_Float16>(value);
    ASSERT_EQ(ToF16(value).bits, std::bit_cast<uint16_t>(expected)) << value;
  }
#else
  GTEST_SKIP() << "this compiler has no _Float16";
#endif
}

TEST(Half, Bf16RoundsToNearestEven) {
  EXPECT_EQ(ToBf16(1.0f).bits, 0x3f80);
  EXPECT_EQ(ToBf16(std::bit_cast<float>(0x3f808000u)).bits, 0x3f80);  // tie, to even
  EXPECT_EQ(ToBf16(std::bit_cast<float>(0x3f818000u)).bits, 0x3f82);  // tie, to even
  EXPECT_EQ(ToBf16(std::bit_cast<float>(0x3f808001u)).bits, 0x3f81);
  EXPECT_TRUE(std::isnan(ToFloat(ToBf16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_EQ(ToFloat(ToBf16(std::numeric_limits<float>::infinity())), std::numeric_limits<float>::infinity());
}

struct QuantizationCase {
  DataType type;
  double worst_relative_error;  // of the block's greatest magnitude
};

class QuantizationTest : public testing::TestWithParam<QuantizationCase> {};

// Half a step of each format: 2^-11 and 2^-8 of a number itself; 1/254 (plus F16 scale) and 1/16 of the greatest in the
// block; Q4_0 reaches +7 steps only, so the far end can miss by a whole step of 1/8.
INSTANTIATE_TEST_SUITE_P(Types, QuantizationTest,
                         testing::Values(QuantizationCase{DataType::kF32, 0},
                                         QuantizationCase{DataType::kF16, 0x1.0p-11},
                                         QuantizationCase{DataType::kBF16, 0x1.0p-8},
                                         QuantizationCase{DataType::kQ8_0, 1.0 / 254 + 0x1.0p-11},
                                         QuantizationCase{DataType::kQ4_0, 1.0 / 8 + 0x1.0p-10}),
                         [](const auto& info) { return std::string(Name(info.param.type)); });

TEST_P(QuantizationTest, ErrorStaysWithinTheStep) {
  std::vector<float> values(32 * 64);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(UniformDouble(3, 0, i) * 2 - 1);
  std::vector<std::byte> row(RowBytes(GetParam().type, static_cast<int64_t>(values.size())));
  QuantizeRow(GetParam().type, values, row.data());
  std::vector<float> back(values.size());
  DequantizeRow(GetParam().type, row.data(), back);
  for (size_t block = 0; block < values.size(); block += 32) {
    float greatest = 0;
    for (size_t i = 0; i < 32; ++i) greatest = std::max(greatest, std::abs(values[block + i]));
    for (size_t i = block; i < block + 32; ++i) {
      ASSERT_LE(std::abs(back[i] - values[i]), greatest * GetParam().worst_relative_error) << i;
    }
  }
}

TEST_P(QuantizationTest, ZeroStaysZero) {
  const std::vector<float> values(64, 0.0f);
  std::vector<std::byte> row(RowBytes(GetParam().type, 64));
  QuantizeRow(GetParam().type, values, row.data());
  std::vector<float> back(64, 1.0f);
  DequantizeRow(GetParam().type, row.data(), back);
  EXPECT_EQ(back, values);
}

TEST(DataType, HasNames) {
  EXPECT_EQ(DataTypeFromName("q4_0"), DataType::kQ4_0);
  EXPECT_EQ(DataTypeFromName("q6_k"), DataType::kQ6_K);
  EXPECT_EQ(DataTypeFromName("Q3_K"), std::nullopt);
  EXPECT_EQ(RowBytes(DataType::kQ8_0, 64), 68u);
}

TEST(Shape, CountsRows) {
  const Shape shape{3, 4, 5};
  EXPECT_EQ(shape.rows(), 12);
  EXPECT_EQ(shape.cols(), 5);
  EXPECT_EQ(shape.ToString(), "[3, 4, 5]");
  EXPECT_EQ(Shape({7}).rows(), 1);
}

}  // namespace
}  // namespace tenfold::tensor
