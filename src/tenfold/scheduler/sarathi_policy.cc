#include "tenfold/scheduler/sarathi_policy.h"

#include <algorithm>

#include "tenfold/base/check.h"
#include "tenfold/scheduler/paged_placement.h"

namespace tenfold::scheduler {
namespace {

// Pass 2.
void ContinuePrompts(std::span<const SequenceView> running, int64_t page_size, Room& room, StepPlan& plan) {
  for (const SequenceView& sequence : running) {
    if (room.num_tokens == 0) break;
    const int64_t num_left = NumTokensLeft(sequence);
    if (num_left <= 1) continue;
    CHECK_MSG(NumPagesNeeded(sequence, num_left, page_size) == 0, "sequence {} runs without the pages of its {} tokens",
              sequence.id, sequence.num_tokens);
    Place(sequence, std::min(num_left, room.num_tokens), 0, room, plan);
  }
}

}  // namespace

void SarathiPolicy::Plan(const SchedulerInput& input, StepPlan& plan) {
  CheckInput(input);
  plan.Clear();
  Room room{input.limits.max_num_batched_tokens, input.num_free_pages};
  const size_t num_kept = PlaceDecodes(input, room, plan);
  ContinuePrompts(input.running.first(num_kept), input.limits.page_size, room, plan);
  if (plan.preempted.empty()) AdmitWaiting(input, Prompts::kInChunks, room, plan);
}

}  // namespace tenfold::scheduler
