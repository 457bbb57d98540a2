// What the policies with paged memory share: how sequences take tokens and pages of a step, and who gives pages back
// when they run out. After PagedAttention (Kwon et al., SOSP 2023, section 4.5).
#pragma once

#include <cstddef>
#include <cstdint>

#include "tenfold/scheduler/scheduler.h"
#include "tenfold/scheduler/step_plan.h"

namespace tenfold::scheduler {

// What the step has still to give.
struct Room {
  int64_t num_tokens;
  int64_t num_pages;
};

// Stops in CHECK when the input breaks what SchedulerInput promises.
void CheckInput(const SchedulerInput& input);

inline int64_t NumTokensLeft(const SequenceView& sequence) {
  return sequence.num_tokens - sequence.num_computed;
}

// How many of the free pages the cache will take to make room for `num_new_tokens` more: new ones, the copy of a shared
// last page, and idle ones that a waiting sequence begins with. It may take fewer: of several sharers of a page the
// last one writes in place, and an idle page is taken once for all that begin with it.
int64_t NumPagesNeeded(const SequenceView& sequence, int64_t num_new_tokens, int64_t page_size);

// Adds an item to the plan and takes what it needs from the room.
void Place(const SequenceView& sequence, int64_t num_tokens, int64_t num_pages, Room& room, StepPlan& plan);

// Gives every running sequence with one token left that token. When pages run out, the latest-arrived running sequence
// gives its own back; it may be the one that asked, never one already placed. Returns how many of the running
// sequences, the earliest ones, stay running.
size_t PlaceDecodes(const SchedulerInput& input, Room& room, StepPlan& plan);

// Gives running sequences whose prompts are under way chunks of what is left of the budget, in their order.
void ContinuePrompts(const SchedulerInput& input, Room& room, StepPlan& plan);

// Whether a prompt may begin with a part of its tokens.
enum class Prompts { kInChunks, kWhole };

// Admits waiting sequences while seats, tokens and pages allow; the watermark stays free beside them unless nobody else
// computes. The first that does not fit ends it: nobody overtakes but those who pass over one that awaits its prefix.
void AdmitWaiting(const SchedulerInput& input, Prompts prompts, Room& room, StepPlan& plan);

}  // namespace tenfold::scheduler
