#include "tenfold/scheduler/priority_policy.h"

#include <algorithm>

#include "tenfold/scheduler/paged_placement.h"

namespace tenfold::scheduler {
namespace {

// How many of the running sequences may stay so that the first waiting one fits beside them and their next tokens; all
// of them when it fits anyway, or when those that are less urgent would not make room enough.
size_t NumStaying(const SchedulerInput& input) {
  const size_t num_running = input.running.size();
  const auto first = std::find_if(input.waiting.begin(), input.waiting.end(),
                                  [](const SequenceView& sequence) { return !sequence.awaits_prefix; });
  if (first == input.waiting.end()) return num_running;
  const int64_t page_size = input.limits.page_size;
  int64_t num_seats = first->num_seats;
  int64_t num_pages = NumPagesNeeded(*first, NumTokensLeft(*first), page_size);
  for (const SequenceView& sequence : input.running) {
    num_seats += sequence.num_seats;
    if (NumTokensLeft(sequence) == 1) num_pages += NumPagesNeeded(sequence, 1, page_size);
  }
  int64_t num_free_pages = input.num_free_pages;
  for (size_t num_staying = num_running;; --num_staying) {
    if (num_seats <= input.limits.max_num_seqs && num_pages <= num_free_pages) return num_staying;
    if (num_staying == 0 || input.running[num_staying - 1].priority <= first->priority) return num_running;
    const SequenceView& last = input.running[num_staying - 1];
    num_seats -= last.num_seats;
    num_free_pages += last.num_exclusive_pages;
    if (NumTokensLeft(last) == 1) num_pages -= NumPagesNeeded(last, 1, page_size);
  }
}

}  // namespace

void PriorityPolicy::Plan(const SchedulerInput& input, StepPlan& plan) {
  CheckInput(input);
  plan.Clear();
  Room room{input.limits.max_num_batched_tokens, input.num_free_pages};
  SchedulerInput staying = input;
  staying.running = input.running.first(NumStaying(input));
  for (size_t i = input.running.size(); i > staying.running.size(); --i) {
    plan.preempted.push_back(input.running[i - 1].id);
    room.num_pages += input.running[i - 1].num_exclusive_pages;
  }
  const size_t num_preempted = plan.preempted.size();
  staying.running = staying.running.first(PlaceDecodes(staying, room, plan));
  ContinuePrompts(staying, room, plan);
  // Not after a preemption for want of pages.
  if (plan.preempted.size() == num_preempted) AdmitWaiting(staying, Prompts::kInChunks, room, plan);
}

}  // namespace tenfold::scheduler
