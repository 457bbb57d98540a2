#include "tenfold/sampling/sampling_params.h"

#include <functional>
#include <limits>

#include <gtest/gtest.h>

namespace tenfold::sampling {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kVocabSize = 100;

struct Case {
  std::string name;
  std::function<void(SamplingParams&)> change;
  std::string error;  // empty: accepted
};

class ValidateTest : public testing::TestWithParam<Case> {};

TEST_P(ValidateTest, AcceptsOrNamesTheField) {
  SamplingParams params;
  GetParam().change(params);
  const Status status = Validate(params, kVocabSize);
  if (GetParam().error.empty()) {
    EXPECT_TRUE(status) << status.error().message;
  } else {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(status.error().message, GetParam().error);
  }
}

using P = SamplingParams;

INSTANTIATE_TEST_SUITE_P(
    Accepted, ValidateTest,
    testing::Values(Case{"Defaults", [](P&) {}, ""},
                    Case{"ScoringOnly", [](P& p) { p.max_tokens = 0, p.num_prompt_logprobs = 20; }, ""},
                    Case{"LowEnds",
                         [](P& p) {
                           p.temperature = 0;
                           p.top_k = -1;
                           p.top_p = 1e-300;
                           p.presence_penalty = p.frequency_penalty = -2;
                           p.max_tokens = 1;
                           p.num_logprobs = 0;
                         },
                         ""},
                    Case{"HighEnds",
                         [](P& p) {
                           p.n = 128;
                           p.temperature = 100;
                           p.top_k = 1'000'000;
                           p.min_p = 1;
                           p.repetition_penalty = 100;
                           p.presence_penalty = p.frequency_penalty = 2;
                           p.min_tokens = *p.max_tokens;
                           p.num_logprobs = 20;
                         },
                         ""},
                    Case{"Lists",
                         [](P& p) {
                           p.logit_bias = {{0, -100}, {99, 100}};
                           p.stop.assign(16, std::string(256, 'x'));
                           p.stop_token_ids = {0, 99};
                           p.allowed_token_ids = {0, 98, 99};
                           p.bad_words.assign(1024, std::vector<TokenId>(256, 99));
                         },
                         ""},
                    Case{"MinTokensWithoutMaxTokens", [](P& p) { p.max_tokens.reset(), p.min_tokens = 1 << 30; }, ""}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Refused, ValidateTest,
    testing::Values(
        Case{"NoSequence", [](P& p) { p.n = 0; }, "n is 0, but must be between 1 and 128"},
        Case{"NegativeTemperature", [](P& p) { p.temperature = -0.5; },
             "temperature is -0.5, but must be between 0 and 100"},
        Case{"NanTemperature", [](P& p) { p.temperature = kNan; }, "temperature is nan, but must be between 0 and 100"},
        Case{"InfiniteTemperature", [](P& p) { p.temperature = kInfinity; },
             "temperature is inf, but must be between 0 and 100"},
        Case{"TopK", [](P& p) { p.top_k = -2; }, "top_k is -2, but must be at least 1, or 0 or -1 for all tokens"},
        Case{"ZeroTopP", [](P& p) { p.top_p = 0; }, "top_p is 0, but must be greater than 0 and at most 1"},
        Case{"NanTopP", [](P& p) { p.top_p = kNan; }, "top_p is nan, but must be greater than 0 and at most 1"},
        Case{"MinP", [](P& p) { p.min_p = 1.5; }, "min_p is 1.5, but must be between 0 and 1"},
        Case{"NanMinP", [](P& p) { p.min_p = kNan; }, "min_p is nan, but must be between 0 and 1"},
        Case{"ZeroRepetition", [](P& p) { p.repetition_penalty = 0; },
             "repetition_penalty is 0, but must be greater than 0 and at most 100"},
        Case{"Presence", [](P& p) { p.presence_penalty = 2.5; },
             "presence_penalty is 2.5, but must be between -2 and 2"},
        Case{"NanFrequency", [](P& p) { p.frequency_penalty = kNan; },
             "frequency_penalty is nan, but must be between -2 and 2"},
        Case{"BiasedTokenOutside",
             [](P& p) {
               p.logit_bias = {{100, 1}};
             },
             "logit_bias names token 100, but this model's tokens are between 0 and 99"},
        Case{"NanBias",
             [](P& p) {
               p.logit_bias = {{1, kNan}};
             },
             "logit_bias is nan, but must be between -100 and 100"},
        Case{"ManyBiases",
             [](P& p) {
               p.logit_bias.assign(1025, {1, 1});
             },
             "logit_bias has 1025 entries, but may have at most 1024"},
        Case{"ZeroMaxTokens", [](P& p) { p.max_tokens = 0; }, "max_tokens is 0, but must be at least 1"},
        Case{"MinAboveMaxTokens", [](P& p) { p.min_tokens = 17; }, "min_tokens is 17, but must be between 0 and 16"},
        Case{"ManyStops", [](P& p) { p.stop.assign(17, "x"); }, "stop has 17 entries, but may have at most 16"},
        Case{"EmptyStop",
             [](P& p) {
               p.stop = {"a", ""};
             },
             "stop has a string of 0 bytes, but each must have between 1 and 256"},
        Case{"LongStop", [](P& p) { p.stop = {std::string(257, 'x')}; },
             "stop has a string of 257 bytes, but each must have between 1 and 256"},
        Case{"NegativeStopToken", [](P& p) { p.stop_token_ids = {-1}; },
             "stop_token_ids names token -1, but this model's tokens are between 0 and 99"},
        Case{"ManyStopTokens", [](P& p) { p.stop_token_ids.assign(1025, 1); },
             "stop_token_ids has 1025 entries, but may have at most 1024"},
        Case{"AllowedTokenOutside",
             [](P& p) {
               p.allowed_token_ids = {0, 100};
             },
             "allowed_token_ids names token 100, but this model's tokens are between 0 and 99"},
        Case{"AllowedTwice",
             [](P& p) {
               p.allowed_token_ids = {0, 7, 7};
             },
             "allowed_token_ids must be in rising order, each once"},
        Case{"ManyBadWords", [](P& p) { p.bad_words.assign(1025, {1}); },
             "bad_words has 1025 entries, but may have at most 1024"},
        Case{"EmptyBadWord",
             [](P& p) {
               p.bad_words = {{1}, {}};
             },
             "bad_words has one of 0 tokens, but each must have between 1 and 256"},
        Case{"LongBadWord", [](P& p) { p.bad_words = {std::vector<TokenId>(257, 1)}; },
             "bad_words has one of 257 tokens, but each must have between 1 and 256"},
        Case{"BadWordOutside",
             [](P& p) {
               p.bad_words = {{1, -3}};
             },
             "bad_words names token -3, but this model's tokens are between 0 and 99"},
        Case{"NegativeMaxTokens", [](P& p) { p.max_tokens = -1, p.num_prompt_logprobs = 0; },
             "max_tokens is -1, but must be at least 1"},
        Case{"BeamsOfNothing",
             [](P& p) { p.max_tokens = 0, p.num_prompt_logprobs = 0, p.use_beam_search = true, p.beam_width = 2; },
             "max_tokens is 0, but beams need at least 1"},
        Case{"ManyPromptLogprobs", [](P& p) { p.num_prompt_logprobs = 21; },
             "prompt_logprobs is 21, but must be between 0 and 20"},
        Case{"ManyLogprobs", [](P& p) { p.num_logprobs = 21; }, "logprobs is 21, but must be between 0 and 20"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tenfold::sampling
