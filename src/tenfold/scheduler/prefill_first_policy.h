// PrefillFirstPolicy: what vLLM did in 2023, the baseline of Sarathi-Serve (Agrawal et al., OSDI 2024, section 3).
//
// Whole prompts come before everything else: while one waits and fits, a step consists of prompts and nothing else, and
// everybody who decodes waits for as long as they take. Steps of decodes come in between. Pages and preemption are
// those of SarathiPolicy. A step may have to take the longest sequence at once, so the budget must be no less.
#pragma once

#include "tenfold/scheduler/scheduler.h"

namespace tenfold::scheduler {

class PrefillFirstPolicy final : public SchedulingPolicy {
 public:
  void Plan(const SchedulerInput& input, StepPlan& plan) override;
};

}  // namespace tenfold::scheduler
