#include "tenfold/engine/prompt_scorer.h"

#include <algorithm>
#include <utility>

namespace tenfold::engine {

std::span<const ShareFailure> PromptScorer::Score(std::span<const StepShare> shares) {
  failures_.clear();
  CollectTargets(shares);
  const auto at_once = static_cast<size_t>(runner_->max_logit_rows());
  for (size_t begin = 0; begin < targets_.size(); begin += at_once) {
    ScorePass(shares, begin, std::min(begin + at_once, targets_.size()));
  }
  for (Target& target : targets_) {
    if (target.logprobs) {
      shares[target.share].sequence->AddPromptLogprobs(*std::move(target.logprobs));
    } else if (failures_.empty() || failures_.back().share != target.share) {
      failures_.push_back({target.share, target.logprobs.error()});
    }
  }
  return failures_;
}

void PromptScorer::CollectTargets(std::span<const StepShare> shares) {
  targets_.clear();
  rows_.clear();
  for (size_t i = 0; i < shares.size(); ++i) {
    const StepShare& share = shares[i];
    const Sequence& sequence = *share.sequence;
    if (!sequence.is_scoring()) continue;
    const int64_t begin = std::max(sequence.num_scored(), share.first_position);
    const int64_t end = std::min(sequence.num_prompt_tokens() - 1, share.end_position());
    for (int64_t position = begin; position < end; ++position) {
      targets_.push_back({.share = i, .token = sequence.tokens()[static_cast<size_t>(position) + 1]});
      rows_.push_back(share.row_of(position));
    }
  }
}

void PromptScorer::ScorePass(std::span<const StepShare> shares, size_t begin, size_t end) {
  const std::span<const float> logits = runner_->Logits(std::span(rows_).subspan(begin, end - begin));
  const size_t vocab_size = logits.size() / (end - begin);
  threads_->Run(static_cast<int64_t>(end - begin), [&](int64_t piece, int thread) {
    const auto i = static_cast<size_t>(piece);
    Target& target = targets_[begin + i];
    const int num_top = *shares[target.share].sequence->request().sampling.num_prompt_logprobs;
    const auto rated = sampling::RateToken(logits.subspan(i * vocab_size, vocab_size), target.token, num_top,
                                           scratch_[static_cast<size_t>(thread)]);
    if (rated) {
      target.logprobs = TokenLogprobs{rated->logprob, rated->rank, {rated->top.begin(), rated->top.end()}};
    } else {
      target.logprobs = tl::unexpected(rated.error());
    }
  });
}

}  // namespace tenfold::engine
