// Each half of Sarathi-Serve alone, for its ablation (Agrawal et al., OSDI 2024, table 4): what chunks are worth
// without mixed batches, and mixed batches without chunks. Memory and preemption are SarathiPolicy's.
#pragma once

#include "tenfold/scheduler/scheduler.h"

namespace tenfold::scheduler {

// Decodes, and beside them whole prompts as far as the budget goes: a long prompt delays everybody's next token.
class HybridOnlyPolicy final : public SchedulingPolicy {
 public:
  void Plan(const SchedulerInput& input, StepPlan& plan) override;
};

// Chunks of prompts and decodes in steps of their own, by turns while there are both: decodes wait for no more than a
// chunk, but every chunk's step reads the weights for itself.
class ChunkedOnlyPolicy final : public SchedulingPolicy {
 public:
  void Plan(const SchedulerInput& input, StepPlan& plan) override;

 private:
  bool prompts_are_next_ = true;
};

}  // namespace tenfold::scheduler
