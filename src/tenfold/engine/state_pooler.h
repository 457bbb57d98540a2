// StatePooler: makes prompts into embeddings: sums the model's states after a prompt's tokens, or takes the last.
//
// Each sequence adds its states in the order of positions (sequence.h), so that an embedding is the same to the last bit
// however its prompt is cut into chunks. With the mean, a sequence takes nothing from the prefix cache but what it has
// already summed (Sequence::num_cacheable); with the last state it may take all before.
//
// Owned by EngineCore; engine thread only. The runner outlives it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/engine/step_share.h"
#include "tenfold/model/runner.h"

namespace tenfold::engine {

class StatePooler {
 public:
  explicit StatePooler(model::Runner& runner) : runner_(&runner) {}

  // Pools what the step that the runner computed last makes known. Rows that were got from the runner before are
  // overwritten. Valid until the next call.
  std::span<const ShareFailure> Pool(std::span<const StepShare> shares);

 private:
  model::Runner* runner_;
  // Reused from step to step; one of each per state.
  std::vector<size_t> owners_;  // the share
  std::vector<int32_t> rows_;
  std::vector<ShareFailure> failures_;
};

}  // namespace tenfold::engine
