#include "tenfold/scheduler/paged_placement.h"

#include <algorithm>
#include <tuple>

#include "tenfold/base/check.h"
#include "tenfold/base/rounding.h"

namespace tenfold::scheduler {
namespace {

bool IsInOrder(std::span<const SequenceView> sequences) {
  return std::is_sorted(sequences.begin(), sequences.end(), [](const SequenceView& a, const SequenceView& b) {
    return std::tuple(a.priority, a.arrival, a.id) < std::tuple(b.priority, b.arrival, b.id);
  });
}

}  // namespace

void CheckInput(const SchedulerInput& input) {
  CHECK_GE(input.limits.max_num_batched_tokens, input.limits.max_num_seqs);
  CHECK_LE(static_cast<int64_t>(input.running.size()), input.limits.max_num_seqs);
  DCHECK(IsInOrder(input.running));
}

int64_t NumPagesNeeded(const SequenceView& sequence, int64_t num_new_tokens, int64_t page_size) {
  const int64_t num_filled = CeilDivide(sequence.num_computed + num_new_tokens, page_size);
  return std::max<int64_t>(num_filled - sequence.num_pages, 0) + (sequence.copies_last_page ? 1 : 0) +
         sequence.num_idle_pages;
}

void Place(const SequenceView& sequence, int64_t num_tokens, int64_t num_pages, Room& room, StepPlan& plan) {
  room.num_tokens -= num_tokens;
  room.num_pages -= num_pages;
  plan.items.push_back({sequence.id, num_tokens});
}

size_t PlaceDecodes(const SchedulerInput& input, Room& room, StepPlan& plan) {
  size_t num_kept = input.running.size();
  for (size_t i = 0; i < num_kept; ++i) {
    const SequenceView& sequence = input.running[i];
    if (NumTokensLeft(sequence) != 1) continue;
    int64_t num_pages = NumPagesNeeded(sequence, 1, input.limits.page_size);
    while (num_pages > room.num_pages && num_kept > std::max<size_t>(i, 1)) {
      const SequenceView& latest = input.running[--num_kept];
      room.num_pages += latest.num_exclusive_pages;
      plan.preempted.push_back(latest.id);
    }
    if (i == num_kept) break;  // it was itself the latest
    if (num_pages > room.num_pages) {
      // The earliest, alone at last. It needs no more than there is: what it shared with the others is its own now.
      CHECK_MSG(!plan.preempted.empty(),
                "sequence {} alone outgrows the page pool; its request should have been refused", sequence.id);
      num_pages = room.num_pages;
    }
    Place(sequence, 1, num_pages, room, plan);
  }
  return num_kept;
}

void ContinuePrompts(const SchedulerInput& input, Room& room, StepPlan& plan) {
  for (const SequenceView& sequence : input.running) {
    if (room.num_tokens == 0) break;
    const int64_t num_left = NumTokensLeft(sequence);
    if (num_left <= 1) continue;
    CHECK_MSG(NumPagesNeeded(sequence, num_left, input.limits.page_size) == 0,
              "sequence {} runs without the pages of its {} tokens", sequence.id, sequence.num_tokens);
    Place(sequence, std::min(num_left, room.num_tokens), 0, room, plan);
  }
}

void AdmitWaiting(const SchedulerInput& input, Prompts prompts, Room& room, StepPlan& plan) {
  int64_t num_free_seats = input.limits.max_num_seqs;
  for (const SequenceView& sequence : input.running) num_free_seats -= sequence.num_seats;
  // Those that rest do not grow.
  const bool none_computes =
      std::all_of(input.running.begin(), input.running.end(), [](const auto& s) { return NumTokensLeft(s) == 0; });
  for (const SequenceView& sequence : input.waiting) {
    if (sequence.awaits_prefix) continue;
    const int64_t num_left = NumTokensLeft(sequence);
    const int64_t num_pages = NumPagesNeeded(sequence, num_left, input.limits.page_size);
    const bool is_alone = none_computes && plan.items.empty();
    const int64_t watermark = is_alone ? 0 : input.limits.watermark_pages;
    const int64_t num_tokens = prompts == Prompts::kWhole ? num_left : std::min(num_left, room.num_tokens);
    if (num_tokens == 0 || num_tokens > room.num_tokens || sequence.num_seats > num_free_seats ||
        num_pages + watermark > room.num_pages)
      break;
    num_free_seats -= sequence.num_seats;
    plan.admitted.push_back(sequence.id);
    Place(sequence, num_tokens, num_pages, room, plan);
  }
}

}  // namespace tenfold::scheduler
