// Which beams go on: what of beam search follows from log-probabilities alone. Pages, sequences and text: beam_group.h.
//
// A score is the sum of the output tokens' log-probabilities divided by (their number) ^ length_penalty.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/sampling/sampler.h"

namespace tenfold::engine {

// `num_tokens` is at least 1.
double BeamScore(double cumulative_logprob, int64_t num_tokens, double length_penalty);

// A beam's proposal to go on with a token.
struct BeamStep {
  size_t parent;  // index of the beam
  size_t rank;    // of the token among the beam's candidates, from 0
  TokenId token;
  double cumulative_logprob;  // with the token
};

// All proposals of a round, best first. `candidates` and `cumulative_logprobs` have one entry a beam. Ties go to the
// earlier beam, then to the better rank, so the outcome is a function of the logits.
std::vector<BeamStep> RankProposals(std::span<const std::vector<sampling::TokenLogprob>> candidates,
                                    std::span<const double> cumulative_logprobs);

// The scores of the `num_wanted` best finished beams, and what can still become one of them.
class BestScores {
 public:
  BestScores(int num_wanted, double length_penalty)
      : num_wanted_(static_cast<size_t>(num_wanted)), length_penalty_(length_penalty) {}

  bool IsWanted(double score) const;
  void Add(double score);

  // Whether a beam with this sum, of `num_tokens` tokens now and `max_num_tokens` at most, can end with a wanted score.
  // Log-probabilities only take away, so its best end is the one where the length helps most and no token costs
  // anything. False is certain; ending a search there changes nothing.
  bool CanBeWanted(double cumulative_logprob, int64_t num_tokens, int64_t max_num_tokens) const;

 private:
  size_t num_wanted_;
  double length_penalty_;
  std::vector<double> scores_;  // falling
};

}  // namespace tenfold::engine
