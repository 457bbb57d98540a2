#include "tenfold/engine/beam_search.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace tenfold::engine {

double BeamScore(double cumulative_logprob, int64_t num_tokens, double length_penalty) {
  return cumulative_logprob / std::pow(static_cast<double>(num_tokens), length_penalty);
}

std::vector<BeamStep> RankProposals(std::span<const std::vector<sampling::TokenLogprob>> candidates,
                                    std::span<const double> cumulative_logprobs) {
  std::vector<BeamStep> steps;
  for (size_t beam = 0; beam < candidates.size(); ++beam) {
    for (size_t rank = 0; rank < candidates[beam].size(); ++rank) {
      const auto& [token, logprob] = candidates[beam][rank];
      steps.push_back({beam, rank, token, cumulative_logprobs[beam] + logprob});
    }
  }
  std::stable_sort(steps.begin(), steps.end(),
                   [](const BeamStep& a, const BeamStep& b) { return a.cumulative_logprob > b.cumulative_logprob; });
  return steps;
}

bool BestScores::IsWanted(double score) const {
  return scores_.size() < num_wanted_ || score > scores_.back();
}

void BestScores::Add(double score) {
  scores_.insert(std::upper_bound(scores_.begin(), scores_.end(), score, std::greater<>()), score);
  if (scores_.size() > num_wanted_) scores_.pop_back();
}

bool BestScores::CanBeWanted(double cumulative_logprob, int64_t num_tokens, int64_t max_num_tokens) const {
  return IsWanted(BeamScore(cumulative_logprob, num_tokens + 1, length_penalty_)) ||
         IsWanted(BeamScore(cumulative_logprob, max_num_tokens, length_penalty_));
}

}  // namespace tenfold::engine
