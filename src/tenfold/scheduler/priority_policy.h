// PriorityPolicy: Sarathi's batching for requests of unequal urgency. vLLM's --scheduling-policy priority: a lower
// number is more urgent, equals go by arrival.
//
// Both lists are in order of (priority, arrival, id), so everything that SarathiPolicy says of the earliest holds for
// the most urgent here: it is never preempted, and whoever gives pages back is the least urgent. Beyond that, running
// sequences that are less urgent than the first waiting one are preempted, last first, when that lets it in now; they
// keep their place in the order and come back when there is room.
//
// There is no ageing: a steady stream of urgent requests keeps others waiting for good. That is what was asked for; use
// deadlines (request_timeout) to bound it.
#pragma once

#include "tenfold/scheduler/scheduler.h"

namespace tenfold::scheduler {

class PriorityPolicy final : public SchedulingPolicy {
 public:
  void Plan(const SchedulerInput& input, StepPlan& plan) override;
};

}  // namespace tenfold::scheduler
