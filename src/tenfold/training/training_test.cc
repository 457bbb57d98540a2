#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/graph/builder.h"
#include "tenfold/training/adamw.h"
#include "tenfold/training/gradient_clipping.h"
#include "tenfold/training/learning_rate.h"
#include "tenfold/training/parameter_layout.h"

namespace tenfold::training {
namespace {

TEST(ParameterLayoutTest, PutsEachParameterOnceAndOnACacheLine) {
  graph::GraphBuilder g;
  const auto x = g.RmsNorm(g.Embedding("table", 5, 6), "norm", 1e-5);
  const ParameterLayout layout(std::move(g).Finish(g.Linear(x, "table", 5)));
  ASSERT_EQ(layout.entries().size(), 2);
  EXPECT_EQ(layout.entry("table").offset, 0);
  EXPECT_EQ(layout.entry("table").size, 30);
  EXPECT_TRUE(layout.entry("table").decays);
  EXPECT_EQ(layout.entry("norm").offset, 32);
  EXPECT_EQ(layout.entry("norm").size, 6);
  EXPECT_FALSE(layout.entry("norm").decays);
  EXPECT_EQ(layout.num_floats(), 48);
  EXPECT_EQ(layout.num_parameters(), 36);
}

// One weight, by the formula of the paper in f64.
TEST(AdamWTest, FollowsThePaper) {
  const AdamWOptions options{.beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-3, .weight_decay = 0.2};
  for (const bool decays : {false, true}) {
    float weight = 0.5f, first = 0, second = 0;
    double w = 0.5, m = 0, v = 0;
    for (int64_t step = 1; step <= 20; ++step) {
      const double rate = 0.01 * static_cast<double>(step), scale = 0.5;
      const float gradient = static_cast<float>(std::sin(static_cast<double>(step)));
      AdamWStep(options, step, rate, scale, decays, {{&gradient, 1}, {&weight, 1}, {&first, 1}, {&second, 1}});
      const double g = gradient * scale;
      m = 0.9 * m + 0.1 * g;
      v = 0.99 * v + 0.01 * g * g;
      const auto t = static_cast<double>(step);
      if (decays) w -= rate * 0.2 * w;
      w -= rate * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.99, t))) + 1e-3);
      ASSERT_NEAR(weight, w, 2e-6) << "step " << step;
    }
  }
}

TEST(AdamWTest, AnySplitGivesTheSameBits) {
  constexpr size_t kCount = 1000;
  std::vector<float> gradient(kCount);
  for (size_t i = 0; i < kCount; ++i) gradient[i] = static_cast<float>(std::sin(static_cast<double>(i)));
  const auto run = [&](size_t piece) {
    std::vector<float> weight(kCount, 1), first(kCount), second(kCount);
    for (int64_t step = 1; step <= 3; ++step) {
      for (size_t begin = 0; begin < kCount; begin += piece) {
        const size_t count = std::min(piece, kCount - begin);
        AdamWStep({}, step, 0.01, 1, true,
                  {std::span<const float>(gradient).subspan(begin, count), std::span(weight).subspan(begin, count),
                   std::span(first).subspan(begin, count), std::span(second).subspan(begin, count)});
      }
    }
    return weight;
  };
  const std::vector<float> whole = run(kCount);
  EXPECT_EQ(run(1), whole);
  EXPECT_EQ(run(7), whole);
}

TEST(LearningRateTest, RisesAndFalls) {
  using Shape = LearningRateSchedule::Shape;
  LearningRateSchedule schedule{
      .shape = Shape::kCosine, .peak = 2, .final_share = 0.5, .num_warmup_steps = 4, .num_steps = 12};
  EXPECT_DOUBLE_EQ(schedule.At(1), 0.5);
  EXPECT_DOUBLE_EQ(schedule.At(4), 2);
  EXPECT_DOUBLE_EQ(schedule.At(8), 1.5);
  EXPECT_DOUBLE_EQ(schedule.At(12), 1);
  EXPECT_DOUBLE_EQ(schedule.At(100), 1);
  schedule.shape = Shape::kWarmupStableDecay;
  schedule.num_decay_steps = 2;
  EXPECT_DOUBLE_EQ(schedule.At(10), 2);
  EXPECT_DOUBLE_EQ(schedule.At(11), 1.5);
  EXPECT_DOUBLE_EQ(schedule.At(12), 1);
  schedule.shape = Shape::kConstant;
  EXPECT_DOUBLE_EQ(schedule.At(12), 2);
}

TEST(LearningRateTest, WarmUpMayTakeAllSteps) {
  const LearningRateSchedule schedule{.peak = 1, .num_warmup_steps = 5, .num_steps = 5};
  EXPECT_DOUBLE_EQ(schedule.At(4), 0.8);
  EXPECT_DOUBLE_EQ(schedule.At(5), 1);
}

TEST(GradientClippingTest, ShortensWhatIsTooLong) {
  const std::vector<float> gradients(10'000, 0.03f);
  platform::ThreadPool threads(1);
  std::vector<double> sums(NumNormSums(gradients.size()));
  EXPECT_NEAR(GradientNorm(gradients, threads, sums), 3, 1e-6);
  EXPECT_DOUBLE_EQ(ClipScale(3, 1.5), 0.5);
  EXPECT_DOUBLE_EQ(ClipScale(3, 4), 1);
  EXPECT_DOUBLE_EQ(ClipScale(3, 0), 1);
}

// 100,003 floats: pieces that are not whole, and more of them than threads.
TEST(GradientClippingTest, AnyNumberOfThreadsGivesTheSameBits) {
  std::vector<float> gradients(100'003);
  double squares = 0;
  for (size_t i = 0; i < gradients.size(); ++i) {
    gradients[i] = static_cast<float>(std::sin(static_cast<double>(i)));
    squares += static_cast<double>(gradients[i]) * gradients[i];
  }
  platform::ThreadPool one(1), three(3);
  std::vector<double> sums(NumNormSums(gradients.size()));
  const double norm = GradientNorm(gradients, one, sums);
  EXPECT_NEAR(norm, std::sqrt(squares), 1e-9 * norm);
  EXPECT_EQ(GradientNorm(gradients, three, sums), norm);
}

}  // namespace
}  // namespace tenfold::training
