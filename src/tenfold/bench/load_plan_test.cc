#include "tenfold/bench/load_plan.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace tenfold::bench {
namespace {

std::vector<Conversation> Plan(const LoadPlanOptions& options) {
  return MakeLoadPlan(options).value();
}

TEST(LoadPlan, RandomPromptsHaveTheirLengthsAndIds) {
  const auto plan = Plan({.num_prompts = 50, .input_len = 20, .output_len = 7, .token_range = {10, 12}});
  ASSERT_EQ(plan.size(), 50u);
  std::set<TokenId> seen;
  for (const Conversation& conversation : plan) {
    EXPECT_EQ(conversation.arrival_s, 0);
    ASSERT_EQ(conversation.turns.size(), 1u);
    EXPECT_EQ(conversation.turns[0].new_tokens.size(), 20u);
    EXPECT_EQ(conversation.turns[0].num_output_tokens, 7);
    seen.insert(conversation.turns[0].new_tokens.begin(), conversation.turns[0].new_tokens.end());
  }
  EXPECT_EQ(seen, (std::set<TokenId>{10, 11, 12}));
}

TEST(LoadPlan, PrefixesAreShared) {
  const auto plan =
      Plan({.workload = "prefix", .num_prompts = 60, .input_len = 5, .num_prefixes = 3, .prefix_len = 16});
  std::set<std::vector<TokenId>> prefixes, prompts;
  for (const Conversation& conversation : plan) {
    const std::vector<TokenId>& tokens = conversation.turns[0].new_tokens;
    ASSERT_EQ(tokens.size(), 21u);
    prefixes.emplace(tokens.begin(), tokens.begin() + 16);
    prompts.insert(tokens);
  }
  EXPECT_EQ(prefixes.size(), 3u);
  EXPECT_EQ(prompts.size(), 60u);
}

TEST(LoadPlan, ConversationsComeWhole) {
  const auto plan = Plan({.workload = "chat", .num_prompts = 10, .input_len = 8, .prefix_len = 32, .num_turns = 4});
  ASSERT_EQ(plan.size(), 3u);
  for (const Conversation& conversation : plan) {
    ASSERT_EQ(conversation.turns.size(), 4u);
    EXPECT_EQ(conversation.turns[0].new_tokens.size(), 40u);
    EXPECT_EQ(conversation.turns[3].new_tokens.size(), 8u);
  }
}

TEST(LoadPlan, TracesOfPapersAreScaled) {
  const auto plan = Plan({.workload = "orca", .num_prompts = 200, .length_divisor = 4});
  for (const Conversation& conversation : plan) {
    EXPECT_GE(conversation.turns[0].new_tokens.size(), 8u);
    EXPECT_LE(conversation.turns[0].new_tokens.size(), 128u);
    EXPECT_LE(conversation.turns[0].num_output_tokens, 32);
  }
}

// Mean and variation of the gaps: 1 / rate, and 1 / sqrt(burstiness) times the mean.
class Arrivals : public testing::TestWithParam<double> {};
INSTANTIATE_TEST_SUITE_P(Burstiness, Arrivals, testing::Values(0.25, 1.0, 4.0));

TEST_P(Arrivals, HaveTheRateAndTheVariationAskedFor) {
  const auto plan = Plan({.num_prompts = 20'000, .input_len = 1, .request_rate = 5, .burstiness = GetParam()});
  double sum = 0, squares = 0, last = 0;
  for (const Conversation& conversation : plan) {
    const double gap = conversation.arrival_s - last;
    ASSERT_GE(gap, 0);
    last = conversation.arrival_s;
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / 20'000;
  const double deviation = std::sqrt(squares / 20'000 - mean * mean);
  EXPECT_NEAR(mean, 0.2, 0.01);
  EXPECT_NEAR(deviation / mean, 1 / std::sqrt(GetParam()), 0.06);
}

TEST(LoadPlan, TheSameSeedGivesTheSamePrompts) {
  const LoadPlanOptions options = {.num_prompts = 5, .request_rate = 3, .seed = 7};
  LoadPlanOptions faster = options;
  faster.request_rate = 6;
  LoadPlanOptions other = options;
  other.seed = 8;
  const auto plan = Plan(options);
  EXPECT_EQ(plan[4].turns[0].new_tokens, Plan(faster)[4].turns[0].new_tokens);
  EXPECT_DOUBLE_EQ(plan[4].arrival_s, 2 * Plan(faster)[4].arrival_s);
  EXPECT_NE(plan[4].turns[0].new_tokens, Plan(other)[4].turns[0].new_tokens);
}

TEST(LoadPlan, RefusesWhatHasNoMeaning) {
  EXPECT_EQ(MakeLoadPlan({.output_len = 0}).error().message, "the output length is 0, but must be at least 1");
  EXPECT_EQ(MakeLoadPlan({.request_rate = 0}).error().message, "request rate 0 and burstiness 1 must be above 0");
  EXPECT_EQ(MakeLoadPlan({.token_range = {5, 4}}).error().message, "token ids from 5 to 4 are no range");
  EXPECT_FALSE(MakeLoadPlan({.workload = "novels"}));
}

}  // namespace
}  // namespace tenfold::bench
