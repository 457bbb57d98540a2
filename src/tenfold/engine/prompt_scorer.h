// PromptScorer: gives prompts the log-probabilities of their own tokens, as far as each step makes them known.
//
// A token's comes from the row of logits before it, so a sequence that wants them takes none of the rows that are still
// needed from the prefix cache (Sequence::num_cacheable); what it has stays with it through preemptions. Rows come in
// passes of no more than a step's draws may have, so a prompt of any length costs no memory for logits.
//
// Owned by EngineCore; engine thread only. The runner and the thread pool outlive it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/engine/request.h"
#include "tenfold/engine/step_share.h"
#include "tenfold/model/runner.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/sampling/sampler.h"

namespace tenfold::engine {

class PromptScorer {
 public:
  PromptScorer(model::Runner& runner, platform::ThreadPool& threads)
      : runner_(&runner), threads_(&threads), scratch_(static_cast<size_t>(threads.num_threads())) {}

  // Scores what the step that the runner computed last makes known. Logits that were got from the runner before are
  // overwritten. Valid until the next call.
  std::span<const ShareFailure> Score(std::span<const StepShare> shares);

 private:
  struct Target {
    size_t share;
    TokenId token;
    Result<TokenLogprobs> logprobs = TokenLogprobs{};
  };

  void CollectTargets(std::span<const StepShare> shares);
  void ScorePass(std::span<const StepShare> shares, size_t begin, size_t end);

  model::Runner* runner_;
  platform::ThreadPool* threads_;
  std::vector<sampling::SamplerScratch> scratch_;  // one per thread
  // Reused from step to step; one of each per token.
  std::vector<Target> targets_;
  std::vector<int32_t> rows_;
  std::vector<ShareFailure> failures_;
};

}  // namespace tenfold::engine
