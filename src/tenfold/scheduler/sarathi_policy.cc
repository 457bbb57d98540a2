#include "tenfold/scheduler/sarathi_policy.h"

#include "tenfold/scheduler/paged_placement.h"

namespace tenfold::scheduler {

void SarathiPolicy::Plan(const SchedulerInput& input, StepPlan& plan) {
  CheckInput(input);
  plan.Clear();
  Room room{input.limits.max_num_batched_tokens, input.num_free_pages};
  SchedulerInput staying = input;
  staying.running = input.running.first(PlaceDecodes(input, room, plan));
  ContinuePrompts(staying, room, plan);
  if (plan.preempted.empty()) AdmitWaiting(input, Prompts::kInChunks, room, plan);
}

}  // namespace tenfold::scheduler
