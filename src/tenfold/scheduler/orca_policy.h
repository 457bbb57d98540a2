// OrcaPolicy: iteration-level scheduling as it was first published (Yu et al., OSDI 2022, algorithm 1), and
// StaticPolicy: request-level scheduling, what it replaced. Both promise memory for a sequence's whole life at
// admission (reservations.h), so nobody is ever preempted; both compute prompts whole, beside the decodes of others.
//
//   OrcaPolicy    admits in order of arrival before every step, while seats (the paper's max_bs) and memory allow. The
//                 first that does not fit ends it: whoever came earlier has never run fewer steps.
//   StaticPolicy  admits only when nobody runs: a batch stays together until its last sequence ends (FasterTransformer
//                 behind a batching front end). Its seats stay empty as sequences end.
//
// A step may have to take the longest prompt at once, so the budget must be no less.
#pragma once

#include "tenfold/scheduler/reservations.h"
#include "tenfold/scheduler/scheduler.h"

namespace tenfold::scheduler {

class OrcaPolicy final : public SchedulingPolicy {
 public:
  OrcaPolicy(Reservation reservation, const MemoryShape& memory) : reservations_(reservation, memory) {}
  Status CheckFits(const SequenceView& waiting) const override { return reservations_.CheckFits(waiting); }
  void Plan(const SchedulerInput& input, StepPlan& plan) override;

 private:
  Reservations reservations_;
};

class StaticPolicy final : public SchedulingPolicy {
 public:
  explicit StaticPolicy(const MemoryShape& memory) : reservations_(Reservation::kMax, memory) {}
  Status CheckFits(const SequenceView& waiting) const override { return reservations_.CheckFits(waiting); }
  void Plan(const SchedulerInput& input, StepPlan& plan) override;

 private:
  Reservations reservations_;
};

}  // namespace tenfold::scheduler
