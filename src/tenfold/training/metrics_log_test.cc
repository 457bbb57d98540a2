#include "tenfold/training/metrics_log.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::training {
namespace {

class MetricsLogTest : public testing::Test {
 protected:
  ~MetricsLogTest() override { std::filesystem::remove(path_); }

  std::string Text() { return platform::ReadTextFile(path_).value(); }
  static StepMetrics Metrics(int64_t step) {
    StepMetrics metrics;
    metrics.report = {.step = step,
                      .loss = 1 / static_cast<double>(step),
                      .learning_rate = 0.5,
                      .gradient_norm = 2,
                      .num_targets = 64};
    metrics.seconds = 0.5;
    if (step % 2 == 0) metrics.validation = Validation{.loss = 3, .bits_per_byte = 1.5};
    return metrics;
  }

  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("tenfold_metrics_" + std::to_string(getpid()) + "_" +
                                                testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(MetricsLogTest, WritesALineForEachStep) {
  auto log = MetricsLog::Open(path_, 0);
  ASSERT_TRUE(log) << log.error().message;
  ASSERT_TRUE(log->Append(Metrics(1)));
  ASSERT_TRUE(log->Append(Metrics(2)));
  const std::string text = Text();
  const json::object second = ParseJson(text.substr(text.find('\n') + 1), "line").value().get_object();
  EXPECT_EQ(second.at("step"), 2);
  EXPECT_EQ(second.at("loss"), 0.5);
  EXPECT_EQ(second.at("tokens_per_s").to_number<double>(), 128);
  EXPECT_EQ(second.at("bits_per_byte").to_number<double>(), 1.5);
  EXPECT_FALSE(ParseJson(text.substr(0, text.find('\n')), "line").value().get_object().contains("validation_loss"));
}

TEST_F(MetricsLogTest, StepsThatAreComputedAgainAreCutAway) {
  {
    auto log = MetricsLog::Open(path_, 0);
    for (int64_t step = 1; step <= 5; ++step) ASSERT_TRUE(log->Append(Metrics(step)));
  }
  std::ofstream(path_, std::ios::app) << "{\"step\":6,\"lo";  // the process was killed here
  auto log = MetricsLog::Open(path_, 3);
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(log->curve().training.size(), 3u);
  EXPECT_EQ(log->curve().validation.size(), 1u);
  ASSERT_TRUE(log->Append(Metrics(4)));
  std::string expected;
  for (int64_t step = 1; step <= 4; ++step) {
    EXPECT_THAT(Text(), testing::HasSubstr("{\"step\":" + std::to_string(step) + ","));
  }
  EXPECT_THAT(Text(), testing::Not(testing::HasSubstr("\"step\":5")));
  EXPECT_THAT(Text(), testing::Not(testing::HasSubstr("\"step\":6")));
}

}  // namespace
}  // namespace tenfold::training
