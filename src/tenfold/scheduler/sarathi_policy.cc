#include "tenfold/scheduler/sarathi_policy.h"

#include <algorithm>

#include "tenfold/base/check.h"
#include "tenfold/base/rounding.h"

namespace tenfold::scheduler {
namespace {

// What the step has still to give.
struct Room {
  int64_t tokens;
  int64_t pages;
};

int64_t NumTokensLeft(const SequenceView& sequence) {
  return sequence.num_tokens - sequence.num_computed;
}

// How many pages the cache will take to make room for `num_new_tokens` more, the copy of a shared last page included.
// It may take fewer: of several sharers of a page the last one writes in place.
int64_t NumPagesNeeded(const SequenceView& sequence, int64_t num_new_tokens, int64_t page_size) {
  const int64_t num_filled = CeilDivide(sequence.num_computed + num_new_tokens, page_size);
  return std::max<int64_t>(num_filled - sequence.num_pages, 0) + (sequence.copies_last_page ? 1 : 0);
}

void Place(const SequenceView& sequence, int64_t num_tokens, int64_t num_pages, Room& room, StepPlan& plan) {
  room.tokens -= num_tokens;
  room.pages -= num_pages;
  plan.items.push_back({sequence.id, num_tokens});
}

// Pass 1. Returns how many of the running sequences, the earliest ones, stay running.
size_t PlaceDecodes(const SchedulerInput& input, Room& room, StepPlan& plan) {
  size_t num_kept = input.running.size();
  for (size_t i = 0; i < num_kept; ++i) {
    const SequenceView& sequence = input.running[i];
    if (NumTokensLeft(sequence) != 1) continue;
    int64_t num_pages = NumPagesNeeded(sequence, 1, input.limits.page_size);
    while (num_pages > room.pages && num_kept > std::max<size_t>(i, 1)) {
      const SequenceView& latest = input.running[--num_kept];
      room.pages += latest.num_exclusive_pages;
      plan.preempted.push_back(latest.id);
    }
    if (i == num_kept) break;  // it was itself the latest
    if (num_pages > room.pages) {
      // The earliest, alone at last. It needs no more than there is: what it shared with the others is its own now.
      CHECK_MSG(!plan.preempted.empty(),
                "sequence {} alone outgrows the page pool; its request should have been refused", sequence.id);
      num_pages = room.pages;
    }
    Place(sequence, 1, num_pages, room, plan);
  }
  return num_kept;
}

// Pass 2.
void ContinuePrompts(std::span<const SequenceView> running, int64_t page_size, Room& room, StepPlan& plan) {
  for (const SequenceView& sequence : running) {
    if (room.tokens == 0) break;
    const int64_t num_left = NumTokensLeft(sequence);
    if (num_left == 1) continue;
    CHECK_MSG(NumPagesNeeded(sequence, num_left, page_size) == 0, "sequence {} runs without the pages of its {} tokens",
              sequence.id, sequence.num_tokens);
    Place(sequence, std::min(num_left, room.tokens), 0, room, plan);
  }
}

// Pass 3.
void AdmitWaiting(const SchedulerInput& input, Room& room, StepPlan& plan) {
  int64_t num_free_seats = input.limits.max_num_seqs;
  for (const SequenceView& sequence : input.running) num_free_seats -= sequence.num_seats;
  for (const SequenceView& sequence : input.waiting) {
    const int64_t num_left = NumTokensLeft(sequence);
    const int64_t num_pages = NumPagesNeeded(sequence, num_left, input.limits.page_size);
    const int64_t watermark = plan.items.empty() ? 0 : input.limits.watermark_pages;
    if (room.tokens == 0 || sequence.num_seats > num_free_seats || num_pages + watermark > room.pages) break;
    num_free_seats -= sequence.num_seats;
    plan.admitted.push_back(sequence.id);
    Place(sequence, std::min(num_left, room.tokens), num_pages, room, plan);
  }
}

bool IsInOrder(std::span<const SequenceView> sequences) {
  return std::is_sorted(sequences.begin(), sequences.end(), [](const SequenceView& a, const SequenceView& b) {
    return a.arrival != b.arrival ? a.arrival < b.arrival : a.id < b.id;
  });
}

}  // namespace

void SarathiPolicy::Plan(const SchedulerInput& input, StepPlan& plan) const {
  const SchedulerLimits& limits = input.limits;
  CHECK_GE(limits.max_num_batched_tokens, limits.max_num_seqs);
  CHECK_LE(static_cast<int64_t>(input.running.size()), limits.max_num_seqs);
  DCHECK(IsInOrder(input.running) && IsInOrder(input.waiting));

  plan.Clear();
  Room room{limits.max_num_batched_tokens, input.num_free_pages};
  const size_t num_kept = PlaceDecodes(input, room, plan);
  ContinuePrompts(input.running.first(num_kept), limits.page_size, room, plan);
  if (plan.preempted.empty()) AdmitWaiting(input, room, plan);
}

}  // namespace tenfold::scheduler
