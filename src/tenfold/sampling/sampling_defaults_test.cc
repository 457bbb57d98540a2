#include "tenfold/sampling/sampling_defaults.h"

#include <gtest/gtest.h>

namespace tenfold::sampling {
namespace {

constexpr SamplingDefaults kAll = {
    .temperature = 0.6, .top_k = 20, .top_p = 0.95, .min_p = 0.1, .repetition_penalty = 1.05, .max_tokens = 100};

TEST(SamplingDefaults, AreWhatARequestStartsFrom) {
  SamplingParams params;
  kAll.StartFrom(false, params);
  EXPECT_EQ(params.temperature, 0.6);
  EXPECT_EQ(params.top_k, 20);
  EXPECT_EQ(params.top_p, 0.95);
  EXPECT_EQ(params.min_p, 0.1);
  EXPECT_EQ(params.repetition_penalty, 1.05);
  EXPECT_EQ(params.max_tokens, 16) << "a limit is no default";
  SamplingParams beams;
  kAll.StartFrom(true, beams);
  EXPECT_EQ(beams.temperature, 1);
  EXPECT_EQ(beams.top_k, 0);
  EXPECT_EQ(beams.top_p, 1);
  EXPECT_EQ(beams.min_p, 0);
  EXPECT_EQ(beams.repetition_penalty, 1.05);
}

TEST(SamplingDefaults, TheLimitOnlyLowers) {
  const auto limited = [](std::optional<int> max_tokens) {
    SamplingParams params;
    params.max_tokens = max_tokens;
    kAll.Limit(params);
    return params.max_tokens;
  };
  EXPECT_EQ(limited(16), 16);
  EXPECT_EQ(limited(101), 100);
  EXPECT_EQ(limited(std::nullopt), 100);
}

TEST(SamplingDefaults, SayWhatTheyAre) {
  EXPECT_EQ(SamplingDefaults{}.ToString(), "none");
  EXPECT_EQ(kAll.ToString(),
            "temperature 0.6, top_k 20, top_p 0.95, min_p 0.1, repetition_penalty 1.05, at most max_tokens 100");
}

TEST(SamplingDefaults, MustBeWhatARequestCouldAskFor) {
  EXPECT_TRUE(Validate(kAll));
  EXPECT_TRUE(Validate(SamplingDefaults{}));
  EXPECT_EQ(Validate(SamplingDefaults{.top_p = 0}).error().message,
            "top_p is 0, but must be greater than 0 and at most 1");
  EXPECT_FALSE(Validate(SamplingDefaults{.temperature = -1}));
  EXPECT_FALSE(Validate(SamplingDefaults{.max_tokens = 0}));
}

}  // namespace
}  // namespace tenfold::sampling
