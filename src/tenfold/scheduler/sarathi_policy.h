// SarathiPolicy: stall-free batching, the default. After Sarathi-Serve (Agrawal et al., OSDI 2024, algorithm 3), with
// the preemption of PagedAttention (Kwon et al., SOSP 2023, section 4.5).
//
// A step is filled under a budget of tokens, in three passes, each in order of arrival:
//
//   1. Decodes. Every running sequence with one token to compute gets it, so none ever waits for the prompt of another.
//      When pages run out, the latest-arrived running sequence gives its own back and is computed again later; it may
//      be the one that asked, never one already placed.
//   2. Prompts under way get chunks of what is left of the budget.
//   3. Waiting sequences are admitted while seats, budget and pages allow, and none after a preemption. All pages of a
//      prompt are taken at once and the watermark stays free beside them, so a prompt under way never fails for pages.
//      The first that does not fit ends the pass: nobody overtakes.
//
// Progress. The earliest running sequence is never preempted and always gets a token: a decode, because when it is the
// last one left the pool is all its own; a prompt, because the other sequences leave one of the budget's tokens over.
// With nothing running, the first waiting sequence is admitted whatever the watermark. Sequences therefore end in
// bounded time: the earliest unfinished one computes in every step and keeps what it computed.
//
// O(running + admitted) a step; allocates nothing once the plan has grown.
#pragma once

#include "tenfold/scheduler/scheduler.h"

namespace tenfold::scheduler {

class SarathiPolicy final : public SchedulingPolicy {
 public:
  void Plan(const SchedulerInput& input, StepPlan& plan) override;
};

}  // namespace tenfold::scheduler
