#include "tenfold/bench/statistics.h"

#include <vector>

#include <gtest/gtest.h>

namespace tenfold::bench {
namespace {

TEST(Quantile, InterpolatesBetweenSortedSamples) {
  struct Case {
    std::vector<double> samples;
    double fraction, expected;
  };
  for (const Case& c :
       {Case{{7}, 0.5, 7}, Case{{7}, 0.1, 7}, Case{{3, 1, 2}, 0.5, 2}, Case{{4, 1, 3, 2}, 0.5, 2.5},
        Case{{3, 1, 2}, 0, 1}, Case{{3, 1, 2}, 1, 3}, Case{{0, 10}, 0.1, 1}, Case{{50, 0, 40, 10, 30, 20}, 0.9, 45}}) {
    EXPECT_DOUBLE_EQ(Quantile(c.samples, c.fraction), c.expected) << c.samples.size() << " at " << c.fraction;
  }
}

TEST(SpreadOf, OneOutlierMovesNeitherMiddleNorP10) {
  const Spread quiet = SpreadOf({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  const Spread disturbed = SpreadOf({1, 1, 1, 1, 1, 100, 1, 1, 1, 1, 1});
  EXPECT_EQ(disturbed.median, quiet.median);
  EXPECT_EQ(disturbed.p10, quiet.p10);
  EXPECT_EQ(disturbed.p90, quiet.p90);
}

TEST(Reciprocal, KeepsTheLowerEndBelow) {
  const Spread rate = Reciprocal({.median = 2, .p10 = 1, .p90 = 4}, 8);
  EXPECT_EQ(rate.median, 4);
  EXPECT_EQ(rate.p10, 2);
  EXPECT_EQ(rate.p90, 8);
}

}  // namespace
}  // namespace tenfold::bench
