// Picks the next token of a sequence from its row of logits.
//
// Pure: the outcome is a function of the arguments and of nothing else. Random numbers are Philox(seed, stream, step),
// so the same seed gives the same text whatever else runs, after a preemption and in any batch. Sums are exact or in a
// fixed order. Any thread may call it with a scratch of its own; nothing is allocated once the scratch has seen the
// vocabulary size.
//
// The order is vLLM's: log-probabilities of the raw logits; logit bias, min_tokens, repetition, presence and frequency
// penalties, forbidden tokens; then the most likely token (greedy) or temperature, min_p, top_k, top_p and a draw
// (token_weights.h).
// A logit of -inf forbids a token: that is how a grammar's mask arrives here.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/sampling/sampling_params.h"
#include "tenfold/sampling/token_counts.h"
#include "tenfold/sampling/token_weights.h"

namespace tenfold::sampling {

struct TokenLogprob {
  TokenId token;
  double logprob;  // -inf for a forbidden token

  friend bool operator==(const TokenLogprob&, const TokenLogprob&) = default;
};

struct SampledToken {
  TokenId token;
  // Only when num_logprobs is set. Natural logarithms of the softmax of the raw logits, as OpenAI and vLLM report them.
  double logprob = 0;
  int rank = 0;                            // 1 = the most likely token by raw logits; ties go to the lower id
  std::span<const TokenLogprob> top = {};  // the num_logprobs most likely, in falling order, ties to the lower id; lies
                                           // in the scratch and holds until its next use
};

// What makes a draw unlike any other: the request's seed, which of its n sequences, and how many tokens it had before.
struct DrawKey {
  uint64_t seed = 0;
  uint64_t stream = 0;
  uint64_t step = 0;
};

// Buffers that calls reuse; one per thread. Memory: at most 24 bytes per token of the vocabulary.
struct SamplerScratch {
  std::vector<float> raw_logits;
  std::vector<TokenLogprob> top;
  TokenWeights weights;
};

// Picks a token from `logits` [vocab], which are overwritten. `params` have passed Validate, the tokens of `history`
// are inside the vocabulary, `output` are those of the output in their order, `eos_token_ids` are the model's own.
// Fails, and the request should end with the error, when a logit is NaN or +inf (a broken model) or every token is
// forbidden.
Result<SampledToken> Sample(std::span<float> logits, const SamplingParams& params,
                            std::span<const TokenId> eos_token_ids, const TokenCounts& history,
                            std::span<const TokenId> output, const DrawKey& key, SamplerScratch& scratch);

// The same report, as if num_logprobs were `num_top`, on a token that was not drawn: one of a prompt, with the logits
// before it. Fails when a logit is NaN or +inf.
Result<SampledToken> RateToken(std::span<const float> logits, TokenId token, int num_top, SamplerScratch& scratch);

// The `count` most likely next tokens with their log-probabilities after AdjustLogits, in falling order, ties to the lower id; fewer when the others are forbidden. For beam search. Overwrites `logits`; fails as
// Sample does.
Result<std::vector<TokenLogprob>> FindLikeliest(std::span<float> logits, size_t count, const SamplingParams& params,
                                                std::span<const TokenId> eos_token_ids, const TokenCounts& history,
                                                std::span<const TokenId> output);

// The part of Sample between log-probabilities and temperature, in place: bias, min_tokens, penalties and forbidden
// tokens. Visits only the tokens that are named or seen; with allowed_token_ids it fills the gaps between them.
void AdjustLogits(std::span<float> logits, const SamplingParams& params, std::span<const TokenId> eos_token_ids,
                  const TokenCounts& history, std::span<const TokenId> output);

}  // namespace tenfold::sampling
