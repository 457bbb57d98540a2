#include "tenfold/scheduler/prefill_first_policy.h"

#include "tenfold/scheduler/paged_placement.h"

namespace tenfold::scheduler {

void PrefillFirstPolicy::Plan(const SchedulerInput& input, StepPlan& plan) {
  CheckInput(input);
  plan.Clear();
  Room room{input.limits.max_num_batched_tokens, input.num_free_pages};
  AdmitWaiting(input, Prompts::kWhole, room, plan);
  if (plan.items.empty()) PlaceDecodes(input, room, plan);
}

}  // namespace tenfold::scheduler
