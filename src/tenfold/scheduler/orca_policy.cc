#include "tenfold/scheduler/orca_policy.h"

#include "tenfold/base/check.h"
#include "tenfold/scheduler/paged_placement.h"

namespace tenfold::scheduler {
namespace {

void PlaceRunning(const SchedulerInput& input, Room& room, StepPlan& plan) {
  for (const SequenceView& sequence : input.running) {
    if (NumTokensLeft(sequence) > 0) Place(sequence, NumTokensLeft(sequence), 0, room, plan);
  }
}

void AdmitWithReservation(const SchedulerInput& input, Reservations& reservations, Room& room, StepPlan& plan) {
  int64_t num_free_seats = input.limits.max_num_seqs;
  for (const SequenceView& sequence : input.running) num_free_seats -= sequence.num_seats;
  for (const SequenceView& sequence : input.waiting) {
    if (sequence.awaits_prefix) continue;
    const int64_t num_left = NumTokensLeft(sequence);
    if (sequence.num_seats > num_free_seats || num_left > room.num_tokens || !reservations.Take(sequence)) break;
    num_free_seats -= sequence.num_seats;
    plan.admitted.push_back(sequence.id);
    Place(sequence, num_left, 0, room, plan);
  }
}

}  // namespace

void OrcaPolicy::Plan(const SchedulerInput& input, StepPlan& plan) {
  CheckInput(input);
  plan.Clear();
  reservations_.ReleaseAllBut(input.running);
  Room room{input.limits.max_num_batched_tokens, input.num_free_pages};
  PlaceRunning(input, room, plan);
  AdmitWithReservation(input, reservations_, room, plan);
}

void StaticPolicy::Plan(const SchedulerInput& input, StepPlan& plan) {
  CheckInput(input);
  plan.Clear();
  reservations_.ReleaseAllBut(input.running);
  Room room{input.limits.max_num_batched_tokens, input.num_free_pages};
  PlaceRunning(input, room, plan);
  if (input.running.empty()) AdmitWithReservation(input, reservations_, room, plan);
}

}  // namespace tenfold::scheduler
