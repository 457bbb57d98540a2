#include "tenfold/sampling/sampling_params.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <string_view>

namespace tenfold::sampling {
namespace {

// Written so that NaN, which compares false with everything, is refused.
template <class T>
Status CheckRange(std::string_view field, T value, T low, T high) {
  if (value >= low && value <= high) return {};
  return MakeError(ErrorCode::kInvalidArgument, "{} is {}, but must be between {} and {}", field, value, low, high);
}

Status CheckAboveZero(std::string_view field, double value, double high) {
  if (value > 0 && value <= high) return {};
  return MakeError(ErrorCode::kInvalidArgument, "{} is {}, but must be greater than 0 and at most {}", field, value,
                   high);
}

Status CheckCount(std::string_view field, size_t count, size_t limit) {
  if (count <= limit) return {};
  return MakeError(ErrorCode::kInvalidArgument, "{} has {} entries, but may have at most {}", field, count, limit);
}

Status CheckToken(std::string_view field, TokenId token, int64_t vocab_size) {
  if (token >= 0 && token < vocab_size) return {};
  return MakeError(ErrorCode::kInvalidArgument, "{} names token {}, but this model's tokens are between 0 and {}",
                   field, token, vocab_size - 1);
}

Status CheckStopStrings(const std::vector<std::string>& stop) {
  RETURN_IF_ERROR(CheckCount("stop", stop.size(), kMaxStopStrings));
  for (const std::string& text : stop) {
    if (text.empty() || text.size() > kMaxStopStringBytes) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "stop has a string of {} bytes, but each must have between 1 and {}", text.size(),
                       kMaxStopStringBytes);
    }
  }
  return {};
}

Status CheckForbidden(const SamplingParams& params, int64_t vocab_size) {
  const std::vector<TokenId>& allowed = params.allowed_token_ids;
  for (const TokenId token : allowed) RETURN_IF_ERROR(CheckToken("allowed_token_ids", token, vocab_size));
  if (std::adjacent_find(allowed.begin(), allowed.end(), std::greater_equal<>()) != allowed.end()) {
    return MakeError(ErrorCode::kInvalidArgument, "allowed_token_ids must be in rising order, each once");
  }
  RETURN_IF_ERROR(CheckCount("bad_words", params.bad_words.size(), kMaxBadWords));
  for (const std::vector<TokenId>& word : params.bad_words) {
    if (word.empty() || word.size() > kMaxBadWordTokens) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "bad_words has one of {} tokens, but each must have between 1 and {}", word.size(),
                       kMaxBadWordTokens);
    }
    for (const TokenId token : word) RETURN_IF_ERROR(CheckToken("bad_words", token, vocab_size));
  }
  return {};
}

Status CheckBeams(const SamplingParams& params) {
  if (!params.use_beam_search) return {};
  RETURN_IF_ERROR(CheckRange("the beam width", params.beam_width, params.n, kMaxBeamWidth));
  if (params.max_tokens == 0)
    return MakeError(ErrorCode::kInvalidArgument, "max_tokens is 0, but beams need at least 1");
  RETURN_IF_ERROR(CheckRange("length_penalty", params.length_penalty, -10.0, 10.0));
  if (params.top_k > 0 || params.top_p != 1 || params.min_p != 0 ||
      (params.temperature != 0 && params.temperature != 1)) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        "use_beam_search draws nothing: temperature must be 0 or 1, and top_k, top_p and min_p must be left "
        "out");
  }
  return {};
}

}  // namespace

Status Validate(const SamplingParams& params, int64_t vocab_size) {
  constexpr int kNoLimit = std::numeric_limits<int>::max();
  RETURN_IF_ERROR(CheckRange("n", params.n, 1, kMaxSequences));
  RETURN_IF_ERROR(CheckRange("temperature", params.temperature, 0.0, 100.0));
  if (params.top_k < -1) {
    return MakeError(ErrorCode::kInvalidArgument, "top_k is {}, but must be at least 1, or 0 or -1 for all tokens",
                     params.top_k);
  }
  RETURN_IF_ERROR(CheckAboveZero("top_p", params.top_p, 1.0));
  RETURN_IF_ERROR(CheckRange("min_p", params.min_p, 0.0, 1.0));
  RETURN_IF_ERROR(CheckAboveZero("repetition_penalty", params.repetition_penalty, 100.0));
  RETURN_IF_ERROR(CheckRange("presence_penalty", params.presence_penalty, -2.0, 2.0));
  RETURN_IF_ERROR(CheckRange("frequency_penalty", params.frequency_penalty, -2.0, 2.0));
  RETURN_IF_ERROR(CheckBeams(params));
  RETURN_IF_ERROR(CheckCount("logit_bias", params.logit_bias.size(), kMaxLogitBiases));
  for (const LogitBias& entry : params.logit_bias) {
    RETURN_IF_ERROR(CheckToken("logit_bias", entry.token, vocab_size));
    RETURN_IF_ERROR(CheckRange("logit_bias", entry.bias, -100.0, 100.0));
  }
  RETURN_IF_ERROR(CheckForbidden(params, vocab_size));
  if (params.max_tokens && *params.max_tokens < (params.num_prompt_logprobs ? 0 : 1)) {
    return MakeError(ErrorCode::kInvalidArgument, "max_tokens is {}, but must be at least 1", *params.max_tokens);
  }
  RETURN_IF_ERROR(CheckRange("min_tokens", params.min_tokens, 0, params.max_tokens.value_or(kNoLimit)));
  RETURN_IF_ERROR(CheckStopStrings(params.stop));
  RETURN_IF_ERROR(CheckCount("stop_token_ids", params.stop_token_ids.size(), kMaxStopTokenIds));
  for (const TokenId token : params.stop_token_ids) {
    RETURN_IF_ERROR(CheckToken("stop_token_ids", token, vocab_size));
  }
  if (params.num_logprobs) RETURN_IF_ERROR(CheckRange("logprobs", *params.num_logprobs, 0, kMaxLogprobs));
  if (params.num_prompt_logprobs) {
    RETURN_IF_ERROR(CheckRange("prompt_logprobs", *params.num_prompt_logprobs, 0, kMaxLogprobs));
  }
  return {};
}

}  // namespace tenfold::sampling
