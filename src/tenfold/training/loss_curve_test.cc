#include "tenfold/training/loss_curve.h"

#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::training {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

int Count(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(LossCurveTest, TicksAreRoundNumbers) {
  EXPECT_THAT(AxisTicks(0, 2000), ElementsAre(0, 500, 1000, 1500, 2000));
  EXPECT_THAT(AxisTicks(1.4, 4.3), ElementsAre(2, 3, 4));
  EXPECT_THAT(AxisTicks(0.31, 0.42), ElementsAre(DoubleNear(0.35, 1e-9), DoubleNear(0.4, 1e-9)));
}

TEST(LossCurveTest, DrawsWhatItIsGiven) {
  LossCurve curve;
  for (int64_t step = 1; step <= 5000; ++step) {
    curve.training.push_back({step, 4 * std::exp(-static_cast<double>(step) / 1000)});
    if (step % 1000 == 0) curve.validation.push_back({step, 1.5});
  }
  const std::string svg = DrawLossCurve(curve, 10'000, "tales & <more>");
  EXPECT_THAT(svg, HasSubstr("tales &amp; &lt;more>"));
  EXPECT_EQ(Count(svg, "<circle"), 5);
  EXPECT_EQ(Count(svg, "<polyline"), 2);
  EXPECT_THAT(svg, HasSubstr("validation, last 1.5000"));
  EXPECT_LT(svg.size(), 50'000) << "as many points as columns, not as steps";
  EXPECT_THAT(svg, HasSubstr("cx=\"450.0\""));  // step 5000 is in the middle of the plot
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(LossCurveTest, DrawsNothingAndOnePoint) {
  EXPECT_THAT(DrawLossCurve({}, 0, ""), Not(HasSubstr("nan")));
  LossCurve one;
  one.training.push_back({1, 2});
  EXPECT_THAT(DrawLossCurve(one, 1, ""), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace tenfold::training
