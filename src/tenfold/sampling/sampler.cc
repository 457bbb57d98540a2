#include "tenfold/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"

namespace tenfold::sampling {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float& LogitOf(std::span<float> logits, TokenId token) {
  CHECK_MSG(token >= 0 && static_cast<size_t>(token) < logits.size(), "token {} of {}", token, logits.size());
  return logits[static_cast<size_t>(token)];
}

// Tokens that one test passes over: a whole number of the widest vectors.
constexpr size_t kBlock = 32;

// False, too, if one is NaN.
bool AllAtMost(const float* block, float limit) {
  int all = 1;
  for (size_t i = 0; i < kBlock; ++i) all &= block[i] <= limit;
  return all != 0;
}

// Returns the lowest id among the greatest logits, or why there is none to choose.
Result<TokenId> FindGreatest(std::span<const float> logits) {
  size_t greatest = 0;
  float greatest_logit = -kInfinity;
  for (size_t begin = 0; begin < logits.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, logits.size());
    if (end - begin == kBlock && AllAtMost(&logits[begin], greatest_logit)) continue;
    for (size_t i = begin; i < end; ++i) {
      if (!(logits[i] < kInfinity)) {
        return MakeError(
            ErrorCode::kCorrupt,
            "the logit of token {} is {}: the model's weights or activations overflow; try another weight file "
            "or a wider type",
            i, logits[i]);
      }
      if (logits[i] > greatest_logit) {
        greatest = i;
        greatest_logit = logits[i];
      }
    }
  }
  if (greatest_logit == -kInfinity) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "every token is forbidden: allowed_token_ids, bad_words, min_tokens, logit_bias or a grammar "
                     "leave nothing to choose");
  }
  return static_cast<TokenId>(greatest);
}

// Subtracted from a logit, this gives its log-probability. Summed in double, in order of ids.
double LogSumExp(std::span<const float> logits, float greatest) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - static_cast<double>(greatest));
  return static_cast<double>(greatest) + std::log(sum);
}

// Fills `top` with the `count` greatest logits, in falling order. An insertion is rare, so this is one comparison per
// token; equal logits stay in order of ids because only a greater one overtakes.
void FindTop(std::span<const float> logits, size_t count, std::vector<TokenLogprob>& top) {
  top.clear();
  top.reserve(count + 1);
  if (count == 0) return;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double logit = static_cast<double>(logits[i]);
    if (top.size() == count && logit <= top.back().logprob) continue;
    const auto place = std::upper_bound(top.begin(), top.end(), logit,
                                        [](double value, const TokenLogprob& entry) { return value > entry.logprob; });
    top.insert(place, {static_cast<TokenId>(i), logit});
    if (top.size() > count) top.pop_back();
  }
}

int RankOf(std::span<const float> logits, TokenId token) {
  const size_t place = static_cast<size_t>(token);
  const float logit = logits[place];
  const auto greater = std::count_if(logits.begin(), logits.end(), [=](float other) { return other > logit; });
  const auto equal_before = std::count(logits.begin(), logits.begin() + token, logit);
  return static_cast<int>(1 + greater + equal_before);
}

// `greatest` is that of the logits, which are raw.
SampledToken Report(std::span<const float> logits, float greatest, TokenId token, int num_top,
                    SamplerScratch& scratch) {
  const double log_sum = LogSumExp(logits, greatest);
  FindTop(logits, static_cast<size_t>(num_top), scratch.top);
  for (TokenLogprob& entry : scratch.top) entry.logprob -= log_sum;
  return {.token = token,
          .logprob = static_cast<double>(logits[static_cast<size_t>(token)]) - log_sum,
          .rank = RankOf(logits, token),
          .top = scratch.top};
}

void Penalize(std::span<float> logits, const SamplingParams& params, const TokenCounts& history) {
  const float repetition = static_cast<float>(params.repetition_penalty);
  const float presence = static_cast<float>(params.presence_penalty);
  const float frequency = static_cast<float>(params.frequency_penalty);
  if (repetition == 1 && presence == 0 && frequency == 0) return;
  for (const TokenCounts::Entry& entry : history.entries()) {
    float& logit = LogitOf(logits, entry.token);
    logit = logit > 0 ? logit / repetition : logit * repetition;
    if (entry.num_outputs > 0) logit -= frequency * static_cast<float>(entry.num_outputs) + presence;
  }
}

// `allowed` is in rising order, so what is forbidden are the gaps between its tokens.
void ForbidAllBut(std::span<float> logits, std::span<const TokenId> allowed) {
  auto gap = logits.begin();
  for (const TokenId token : allowed) {
    CHECK_LT(static_cast<size_t>(token), logits.size());
    std::fill(gap, logits.begin() + token, -kInfinity);
    gap = logits.begin() + token + 1;
  }
  std::fill(gap, logits.end(), -kInfinity);
}

// Whether the last token of `word` would come right after all the others.
bool WouldComplete(std::span<const TokenId> output, std::span<const TokenId> word) {
  const std::span<const TokenId> before = word.first(word.size() - 1);
  return before.size() <= output.size() && std::ranges::equal(before, output.last(before.size()));
}

}  // namespace

void AdjustLogits(std::span<float> logits, const SamplingParams& params, std::span<const TokenId> eos_token_ids,
                  const TokenCounts& history, std::span<const TokenId> output) {
  for (const LogitBias& entry : params.logit_bias) LogitOf(logits, entry.token) += static_cast<float>(entry.bias);
  if (history.num_output_tokens() < params.min_tokens) {
    for (const TokenId token : params.stop_token_ids) LogitOf(logits, token) = -kInfinity;
    for (const TokenId token : eos_token_ids) LogitOf(logits, token) = -kInfinity;
  }
  Penalize(logits, params, history);
  if (!params.allowed_token_ids.empty()) ForbidAllBut(logits, params.allowed_token_ids);
  for (const std::vector<TokenId>& word : params.bad_words) {
    if (WouldComplete(output, word)) LogitOf(logits, word.back()) = -kInfinity;
  }
}

Result<SampledToken> Sample(std::span<float> logits, const SamplingParams& params,
                            std::span<const TokenId> eos_token_ids, const TokenCounts& history,
                            std::span<const TokenId> output, const DrawKey& key, SamplerScratch& scratch) {
  TokenId raw_greatest = 0;
  if (params.num_logprobs) {
    ASSIGN_OR_RETURN(raw_greatest, FindGreatest(logits));
    scratch.raw_logits.assign(logits.begin(), logits.end());
  }
  AdjustLogits(logits, params, eos_token_ids, history, output);
  ASSIGN_OR_RETURN(const TokenId greatest, FindGreatest(logits));
  SampledToken sampled{.token = greatest};
  if (!params.IsGreedy()) {
    scratch.weights.Assign(logits, greatest, params);
    sampled.token = scratch.weights.Draw(UniformDouble(key.seed, key.stream, key.step));
  }
  if (!params.num_logprobs) return sampled;
  return Report(scratch.raw_logits, scratch.raw_logits[static_cast<size_t>(raw_greatest)], sampled.token,
                *params.num_logprobs, scratch);
}

Result<SampledToken> RateToken(std::span<const float> logits, TokenId token, int num_top, SamplerScratch& scratch) {
  CHECK_LT(static_cast<size_t>(token), logits.size());
  ASSIGN_OR_RETURN(const TokenId greatest, FindGreatest(logits));
  return Report(logits, logits[static_cast<size_t>(greatest)], token, num_top, scratch);
}

Result<std::vector<TokenLogprob>> FindLikeliest(std::span<float> logits, size_t count, const SamplingParams& params,
                                                std::span<const TokenId> eos_token_ids, const TokenCounts& history,
                                                std::span<const TokenId> output) {
  AdjustLogits(logits, params, eos_token_ids, history, output);
  ASSIGN_OR_RETURN(const TokenId greatest, FindGreatest(logits));
  const double log_sum = LogSumExp(logits, logits[static_cast<size_t>(greatest)]);
  std::vector<TokenLogprob> top;
  FindTop(logits, count, top);
  std::erase_if(top,
                [](const TokenLogprob& entry) { return entry.logprob == -std::numeric_limits<double>::infinity(); });
  for (TokenLogprob& entry : top) entry.logprob -= log_sum;
  return top;
}

}  // namespace tenfold::sampling
