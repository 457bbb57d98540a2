#include "tenfold/sampling/sampler.h"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <new>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/count_allocations_for_test.h"
#include "tenfold/base/random.h"

namespace tenfold::sampling {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::FieldsAre;
using testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr TokenId kEos = 4;

TokenCounts History(const std::vector<TokenId>& prompt, const std::vector<TokenId>& output) {
  TokenCounts history;
  history.AddPrompt(prompt);
  for (const TokenId token : output) history.AddOutput(token);
  return history;
}

Result<SampledToken> SampleOnce(std::vector<float> logits, const SamplingParams& params, SamplerScratch& scratch,
                                const DrawKey& key = {}) {
  return Sample(logits, params, {}, {}, {}, key, scratch);
}

std::vector<float> Logits(uint64_t step) {
  std::vector<float> logits;
  for (uint64_t i = 0; i < 1000; ++i) logits.push_back(static_cast<float>(UniformDouble(9, step, i) * 10));
  return logits;
}

struct AdjustCase {
  std::string name;
  std::function<void(SamplingParams&)> change;
  std::vector<float> expected;  // from the logits 2 -2 1 0 3, prompt 0 1, output 1 2 2; token 4 ends a sequence
};

class AdjustLogitsTest : public testing::TestWithParam<AdjustCase> {};

TEST_P(AdjustLogitsTest, GivesWhatTheHandComputes) {
  SamplingParams params;
  GetParam().change(params);
  std::vector<float> logits = {2, -2, 1, 0, 3};
  const std::vector<TokenId> output = {1, 2, 2};
  AdjustLogits(logits, params, std::vector<TokenId>{kEos}, History({0, 1}, output), output);
  EXPECT_EQ(logits, GetParam().expected);
}

using P = SamplingParams;

INSTANTIATE_TEST_SUITE_P(
    Table, AdjustLogitsTest,
    testing::Values(
        AdjustCase{"Nothing", [](P&) {}, {2, -2, 1, 0, 3}},
        AdjustCase{"Bias",
                   [](P& p) {
                     p.logit_bias = {{0, -5}, {3, 1.5}};
                   },
                   {-3, -2, 1, 1.5, 3}},
        AdjustCase{"RepetitionCountsPromptAndOutputOnce", [](P& p) { p.repetition_penalty = 2; }, {1, -4, 0.5, 0, 3}},
        AdjustCase{"RepetitionBelowOneRewards", [](P& p) { p.repetition_penalty = 0.5; }, {4, -1, 2, 0, 3}},
        AdjustCase{"PresenceCountsOutputOnce", [](P& p) { p.presence_penalty = 0.5; }, {2, -2.5, 0.5, 0, 3}},
        AdjustCase{"FrequencyCountsEachOutput", [](P& p) { p.frequency_penalty = 0.5; }, {2, -2.5, 0, 0, 3}},
        AdjustCase{"RepetitionComesBeforePresence",
                   [](P& p) { p.repetition_penalty = 2, p.presence_penalty = 1; },
                   {1, -5, -0.5, 0, 3}},
        AdjustCase{"BiasComesBeforeRepetition",
                   [](P& p) {
                     p.repetition_penalty = 2, p.logit_bias = {{1, 6}};
                   },
                   {1, 2, 0.5, 0, 3}},
        AdjustCase{"MinTokensForbidsTheEnds",
                   [](P& p) { p.min_tokens = 4, p.stop_token_ids = {3}; },
                   {2, -2, 1, -kInfinity, -kInfinity}},
        AdjustCase{"MinTokensBeatsBias",
                   [](P& p) {
                     p.min_tokens = 4, p.logit_bias = {{kEos, 100}};
                   },
                   {2, -2, 1, 0, -kInfinity}},
        AdjustCase{"MinTokensReached", [](P& p) { p.min_tokens = 3, p.stop_token_ids = {3}; }, {2, -2, 1, 0, 3}},
        AdjustCase{"AllowedForbidsTheOthers",
                   [](P& p) {
                     p.allowed_token_ids = {1, 3};
                   },
                   {-kInfinity, -2, -kInfinity, 0, -kInfinity}},
        AdjustCase{"AllowedFirstAndLast",
                   [](P& p) {
                     p.allowed_token_ids = {0, 4};
                   },
                   {2, -kInfinity, -kInfinity, -kInfinity, 3}},
        AdjustCase{"AllowedArePenalized",
                   [](P& p) { p.allowed_token_ids = {2}, p.frequency_penalty = 0.5; },
                   {-kInfinity, -kInfinity, 0, -kInfinity, -kInfinity}},
        AdjustCase{"AllowedBeatsBias",
                   [](P& p) {
                     p.allowed_token_ids = {3}, p.logit_bias = {{0, 100}, {3, 1}};
                   },
                   {-kInfinity, -kInfinity, -kInfinity, 1, -kInfinity}},
        AdjustCase{"BadWordOfOneToken", [](P& p) { p.bad_words = {{3}}; }, {2, -2, 1, -kInfinity, 3}},
        AdjustCase{"BadWordsAfterTheirBeginnings",
                   [](P& p) {
                     p.bad_words = {{2, 0}, {1, 2, 2, 3}};
                   },
                   {-kInfinity, -2, 1, -kInfinity, 3}},
        AdjustCase{"BadWordsAfterOthers",
                   [](P& p) {
                     p.bad_words = {{1, 0}, {1, 2, 3}, {1, 1, 2, 2, 4}};  // the prompt's 1 is not the output's
                   },
                   {2, -2, 1, 0, 3}},
        AdjustCase{"BadWordThatIsAllowed",
                   [](P& p) {
                     p.allowed_token_ids = {0, 1}, p.bad_words = {{0}};
                   },
                   {-kInfinity, -2, -kInfinity, -kInfinity, -kInfinity}}),
    [](const auto& info) { return info.param.name; });

TEST(Sample, GreedyTakesTheLowestOfTheGreatest) {
  SamplerScratch scratch;
  SamplingParams greedy;
  for (const double temperature : {0.0, 1e-6}) {
    greedy.temperature = temperature;
    EXPECT_EQ(SampleOnce({1, 3, 2, 3}, greedy, scratch)->token, 1);
    EXPECT_EQ(SampleOnce({-kInfinity, -7}, greedy, scratch)->token, 1);
  }
}

TEST(Sample, GreedyFindsTheGreatestAndTheBrokenAnywhere) {
  SamplerScratch scratch;
  SamplingParams greedy;
  greedy.temperature = 0;
  for (size_t i = 0; i < 100; ++i) {
    std::vector<float> logits(100, -1.0f);
    logits[i] = 1;
    EXPECT_EQ(SampleOnce(logits, greedy, scratch)->token, static_cast<TokenId>(i));
    logits[99] = std::max(logits[99], 1.0f);
    EXPECT_EQ(SampleOnce(logits, greedy, scratch)->token, static_cast<TokenId>(i));
    for (const float broken : {kNan, kInfinity}) {
      logits[i] = broken;
      EXPECT_FALSE(SampleOnce(logits, greedy, scratch));
    }
  }
}

TEST(Sample, GreedySeesTheAdjustments) {
  SamplerScratch scratch;
  SamplingParams params;
  params.temperature = 0;
  params.logit_bias = {{1, -2}};
  EXPECT_EQ(SampleOnce({1, 3, 2, 0}, params, scratch)->token, 2);
}

TEST(Sample, TheSmallestTemperatureIsNearlyGreedy) {
  SamplerScratch scratch;
  SamplingParams params;
  params.temperature = SamplingParams::kGreedyTemperature;
  for (uint64_t step = 0; step < 1000; ++step) {
    EXPECT_EQ(SampleOnce({1, 3, 2.99f, -3e38f}, params, scratch, {.step = step})->token, 1);
  }
}

// Logits of odds 8 2 4 2, so that log-probabilities are logarithms of halves: 1/2 1/8 1/4 1/8.
TEST(Sample, ReportsLogprobsOfTheRawLogits) {
  const float ln2 = std::log(2.0f);
  SamplerScratch scratch;
  SamplingParams params;
  params.temperature = 0;
  params.logit_bias = {{3, 100}};  // decides the token, not what is reported
  params.num_logprobs = 3;
  const SampledToken sampled = SampleOnce({3 * ln2, ln2, 2 * ln2, ln2}, params, scratch).value();
  EXPECT_EQ(sampled.token, 3);
  EXPECT_NEAR(sampled.logprob, std::log(1.0 / 8), 1e-6);
  EXPECT_EQ(sampled.rank, 4);  // behind token 1, which is as likely
  EXPECT_THAT(sampled.top, ElementsAre(FieldsAre(0, DoubleNear(std::log(1.0 / 2), 1e-6)),
                                       FieldsAre(2, DoubleNear(std::log(1.0 / 4), 1e-6)),
                                       FieldsAre(1, DoubleNear(std::log(1.0 / 8), 1e-6))));
}

TEST(RateToken, ReportsWhatSamplingWouldOfTheSameToken) {
  SamplerScratch scratch, other;
  SamplingParams params;
  params.num_logprobs = 4;
  for (uint64_t step = 0; step < 10; ++step) {
    const SampledToken sampled = SampleOnce(Logits(step), params, scratch, {.step = step}).value();
    const SampledToken rated = RateToken(Logits(step), sampled.token, 4, other).value();
    EXPECT_EQ(rated.token, sampled.token);
    EXPECT_EQ(rated.logprob, sampled.logprob);
    EXPECT_EQ(rated.rank, sampled.rank);
    EXPECT_TRUE(std::ranges::equal(rated.top, sampled.top));
  }
  EXPECT_FALSE(RateToken(std::vector<float>{0, kNan}, 0, 1, scratch));
}

TEST(Sample, ReportsAsManyLogprobsAsAskedAndThereAre) {
  SamplerScratch scratch;
  SamplingParams params;
  EXPECT_EQ(SampleOnce({1, 2}, params, scratch)->rank, 0);
  params.num_logprobs = 0;
  EXPECT_EQ(SampleOnce({0, 0}, params, scratch)->logprob, std::log(0.5));
  EXPECT_TRUE(SampleOnce({1, 2}, params, scratch)->top.empty());
  params.num_logprobs = 5;
  const SampledToken sampled = SampleOnce({-kInfinity, 0, 0}, params, scratch).value();
  EXPECT_THAT(sampled.top, ElementsAre(FieldsAre(1, std::log(0.5)), FieldsAre(2, std::log(0.5)),  //
                                       FieldsAre(0, -kInfinity)));
}

TEST(Sample, DrawsOnlyWhatIsAllowedAndReportsTheRawLogits) {
  SamplerScratch scratch;
  SamplingParams params;
  params.allowed_token_ids = {1, 3};
  params.bad_words = {{3}};
  params.num_logprobs = 1;
  for (const double temperature : {0.0, 1.0}) {
    params.temperature = temperature;
    for (uint64_t step = 0; step < 20; ++step) {
      const SampledToken sampled = SampleOnce({9, 0, 0, 5, 0}, params, scratch, {.step = step}).value();
      EXPECT_EQ(sampled.token, 1);
      EXPECT_EQ(sampled.top[0].token, 0);
    }
  }
  params.allowed_token_ids = {3};
  EXPECT_THAT(SampleOnce({9, 0, 0, 5, 0}, params, scratch).error().message, HasSubstr("every token is forbidden"));
}

TEST(FindLikeliest, PassesOverWhatIsForbidden) {
  SamplingParams params;
  params.allowed_token_ids = {0, 1, 2};
  params.bad_words = {{4, 2}};
  std::vector<float> logits = {1, 1, 5, 9};
  const auto top = FindLikeliest(logits, 4, params, {}, History({}, {4}), std::vector<TokenId>{4}).value();
  EXPECT_THAT(
      top, ElementsAre(FieldsAre(0, DoubleNear(std::log(0.5), 1e-9)), FieldsAre(1, DoubleNear(std::log(0.5), 1e-9))));
}

struct BadCase {
  std::string name;
  std::vector<float> logits;
  std::string message;
};

class BadLogitsTest : public testing::TestWithParam<BadCase> {};

TEST_P(BadLogitsTest, EndTheRequest) {
  SamplerScratch scratch;
  for (const double temperature : {0.0, 1.0}) {
    for (const std::optional<int> num_logprobs : {std::optional<int>(), std::optional<int>(2)}) {
      SamplingParams params;
      params.temperature = temperature;
      params.top_p = 0.9;
      params.top_k = 2;
      params.num_logprobs = num_logprobs;
      const auto sampled = SampleOnce(GetParam().logits, params, scratch);
      ASSERT_FALSE(sampled);
      EXPECT_THAT(sampled.error().message, HasSubstr(GetParam().message));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, BadLogitsTest,
                         testing::Values(BadCase{"AllNan", {kNan, kNan}, "the logit of token 0 is nan"},
                                         BadCase{"OneNan", {1, 2, kNan}, "the logit of token 2 is nan"},
                                         BadCase{"Infinite", {1, kInfinity}, "the logit of token 1 is inf"},
                                         BadCase{"AllForbidden", {-kInfinity, -kInfinity}, "every token is forbidden"},
                                         BadCase{"Empty", {}, "every token is forbidden"}),
                         [](const auto& info) { return info.param.name; });

TEST(Sample, OverflowOfAPenaltyIsAnError) {
  SamplerScratch scratch;
  SamplingParams params;
  params.repetition_penalty = 1e-30;
  std::vector<float> logits = {1e20f, 0};
  const auto sampled = Sample(logits, params, {}, History({0}, {}), {}, {}, scratch);
  ASSERT_FALSE(sampled);
  EXPECT_THAT(sampled.error().message, HasSubstr("the logit of token 0 is inf"));
}

SamplingParams EverythingOn() {
  SamplingParams params;
  params.temperature = 0.9;
  params.top_k = 300;
  params.top_p = 0.95;
  params.min_p = 1e-4;
  params.repetition_penalty = 1.1;
  params.frequency_penalty = 0.2;
  params.logit_bias = {{3, 1}};
  for (TokenId token = 10; token < 1000; ++token) params.allowed_token_ids.push_back(token);
  params.bad_words = {{3, 4, 20}};
  params.num_logprobs = 5;
  return params;
}

TEST(Sample, DependsOnItsArgumentsAlone) {
  const SamplingParams params = EverythingOn();
  const TokenCounts history = History({1, 2}, {3, 3, 4});
  SamplerScratch shared;
  std::set<TokenId> distinct;
  for (uint64_t step = 0; step < 50; ++step) {
    std::vector<float> other(1100, 1.0f);
    ASSERT_TRUE(Sample(other, params, {}, history, {}, {7, 8, step}, shared));  // leaves traces in the scratch
    std::vector<float> logits = Logits(0);
    const SampledToken among_others = Sample(logits, params, {}, history, {}, {1, 2, step}, shared).value();
    logits = Logits(0);
    SamplerScratch own;
    const SampledToken alone = Sample(logits, params, {}, history, {}, {1, 2, step}, own).value();
    ASSERT_EQ(among_others.token, alone.token);
    ASSERT_EQ(among_others.logprob, alone.logprob);
    ASSERT_EQ(among_others.rank, alone.rank);
    distinct.insert(alone.token);
  }
  EXPECT_GT(distinct.size(), 20u);  // the step does change the draw
}

// Each coordinate of the key matters: equal keys but for one give other texts.
TEST(Sample, SeedStreamAndStepChangeTheDraw) {
  SamplerScratch scratch;
  const auto text = [&](DrawKey key) {
    std::vector<TokenId> tokens;
    for (int i = 0; i < 8; ++i, ++key.step) tokens.push_back(SampleOnce(Logits(0), {}, scratch, key)->token);
    return tokens;
  };
  const auto base = text({.seed = 1, .stream = 1, .step = 1});
  EXPECT_EQ(text({.seed = 1, .stream = 1, .step = 1}), base);
  EXPECT_NE(text({.seed = 2, .stream = 1, .step = 1}), base);
  EXPECT_NE(text({.seed = 1, .stream = 2, .step = 1}), base);
  EXPECT_NE(text({.seed = 1, .stream = 1, .step = 2}), base);
}

TEST(Sample, SteadyStateAllocatesNothing) {
  const SamplingParams params = EverythingOn();
  const TokenCounts history = History({1, 2}, {3, 3, 4});
  SamplerScratch scratch;
  std::vector<std::vector<float>> rows;
  for (uint64_t step = 0; step < 20; ++step) rows.push_back(Logits(step));
  rows.emplace_back(1000, 1.0f);  // flat: the most candidates there can be
  int64_t before = 0;
  for (uint64_t step = 0; step < rows.size(); ++step) {
    const bool sampled = Sample(rows[step], params, {}, history, {}, {1, 2, step}, scratch).has_value();
    if (step == 0) before = num_allocations.load();
    ASSERT_TRUE(sampled);
  }
  EXPECT_EQ(num_allocations.load(), before);
}

}  // namespace
}  // namespace tenfold::sampling
