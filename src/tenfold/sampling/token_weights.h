// The distribution a token is drawn from: temperature, min_p, top_k and top_p turned into one weight per kept token.
//
// Weights are whole numbers, the most likely token's being 2^42. Sums of whole numbers are exact, so the set that is
// kept and the token that is drawn do not depend on the order of any sum, and no sort of the vocabulary is needed to
// make them reproducible. A token that is less likely than the most likely one by more than 2^-43 gets weight 0.
//
// Owned by one thread and reused from token to token: after the first use of a vocabulary size nothing is allocated.
// Memory: at most 20 bytes per token of the vocabulary. Time: a comparison per token of the vocabulary and pass, of
// which there are two to four; an exp per token that min_p and top_k leave.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/sampling/sampling_params.h"

namespace tenfold::sampling {

class TokenWeights {
 public:
  static constexpr int kBits = 42;
  static constexpr size_t kMaxVocabulary = size_t{1} << 20;  // so that the sum of all weights stays below 2^63

  // Replaces the weights by those of `logits` [vocab], none of them NaN or +inf, whose greatest is finite and at
  // `greatest`. Filters in vLLM's order, each on what the one before has kept, ties to the lower id:
  // temperature, min_p, top_k, top_p. Requires a temperature that is not greedy.
  void Assign(std::span<const float> logits, TokenId greatest, const SamplingParams& params);

  // Returns the token at `uniform`, in [0, 1), of the cumulative distribution in order of ids.
  TokenId Draw(double uniform) const;

  // The tokens that can be drawn, in order of ids, and the weight of each, above 0.
  std::span<const TokenId> tokens() const { return std::span(tokens_).first(num_kept_); }
  std::span<const int64_t> weights() const { return std::span(weights_).first(num_kept_); }

 private:
  struct Candidate {
    float logit;
    TokenId token;

    bool IsMoreLikelyThan(const Candidate& other) const {
      return (logit > other.logit) | ((logit == other.logit) & (token < other.token));
    }
  };

  // What turns a logit into a weight.
  struct Scale {
    double greatest;
    double inverse_temperature;
    double least_exponent;

    int64_t WeightOf(float logit) const;
    float LeastLogit() const;
  };

  void Keep(std::span<const float> logits, const Scale& scale, const Candidate& last);
  void KeepNucleus(std::span<const float> logits, const Scale& scale, int64_t target);
  Candidate FindLastOfNucleus(std::span<const float> logits, float greatest, int64_t target);
  template <class IsKept>
  void Retain(IsKept is_kept);
  void FindTop(std::span<const float> logits, size_t count);

  // The first num_kept_ are in use.
  std::vector<TokenId> tokens_;
  std::vector<int64_t> weights_;
  size_t num_kept_ = 0;
  int64_t sum_ = 0;  // of the weights
  std::vector<Candidate> candidates_;
};

}  // namespace tenfold::sampling
