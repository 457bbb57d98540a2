#include "tenfold/engine/scheduled_sequence.h"

#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::engine {

ScheduledSequence::ScheduledSequence(scheduler::SequenceId id, int64_t arrival, cache::PageTable table,
                                     SequenceState state)
    : id_(id), arrival_(arrival), state_(state), table_(std::move(table)) {}

void ScheduledSequence::MoveTo(SequenceState state) {
  const bool allowed = (state_ == SequenceState::kWaiting && state == SequenceState::kRunning) ||
                       (state_ == SequenceState::kRunning && state == SequenceState::kWaiting) ||
                       (state_ != SequenceState::kFinished && state == SequenceState::kFinished);
  CHECK_MSG(allowed, "sequence {} from state {} to {}", id_, static_cast<int>(state_), static_cast<int>(state));
  if (state != SequenceState::kRunning) table_.Free();
  state_ = state;
}

scheduler::SequenceView ScheduledSequence::View() const {
  return {.id = id_,
          .arrival = arrival_,
          .num_tokens = num_tokens(),
          .max_num_tokens = max_num_tokens(),
          .final_num_tokens = final_num_tokens(),
          .num_computed = num_computed(),
          .num_pages = table_.num_pages(),
          .num_exclusive_pages = table_.num_exclusive_pages(),
          .copies_last_page = table_.copies_last_page(),
          .num_seats = num_seats()};
}

}  // namespace tenfold::engine
