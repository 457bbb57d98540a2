#include "tenfold/scheduler/sarathi_halves.h"

#include "tenfold/scheduler/paged_placement.h"

namespace tenfold::scheduler {

void HybridOnlyPolicy::Plan(const SchedulerInput& input, StepPlan& plan) {
  CheckInput(input);
  plan.Clear();
  Room room{input.limits.max_num_batched_tokens, input.num_free_pages};
  PlaceDecodes(input, room, plan);
  if (plan.preempted.empty()) AdmitWaiting(input, Prompts::kWhole, room, plan);
}

void ChunkedOnlyPolicy::Plan(const SchedulerInput& input, StepPlan& plan) {
  CheckInput(input);
  plan.Clear();
  Room room{input.limits.max_num_batched_tokens, input.num_free_pages};
  if (prompts_are_next_) {
    ContinuePrompts(input, room, plan);
    AdmitWaiting(input, Prompts::kInChunks, room, plan);
  }
  prompts_are_next_ = plan.items.empty();
  if (!plan.items.empty()) return;
  SchedulerInput staying = input;
  staying.running = input.running.first(PlaceDecodes(input, room, plan));
  if (!plan.items.empty()) return;
  // Nobody decodes, or who did gave way.
  ContinuePrompts(staying, room, plan);
  if (plan.preempted.empty()) AdmitWaiting(input, Prompts::kInChunks, room, plan);
}

}  // namespace tenfold::scheduler
