// SchedulingPolicy: decides what one step computes. Iteration-level scheduling after Orca (Yu et al., OSDI 2022).
//
// A policy is a function of its input, and of what it reserved in earlier steps where it reserves: no clock, no thread,
// no model and no cache inside, so the engine, a replay under a virtual clock and a test run the same decisions. The
// engine calls it once per step with the state of every unfinished sequence and carries the plan out (step_plan.h).
#pragma once

#include <cstdint>
#include <span>

#include "tenfold/base/result.h"
#include "tenfold/scheduler/step_plan.h"

namespace tenfold::scheduler {

// One unfinished sequence, as the scheduler sees it.
struct SequenceView {
  SequenceId id = 0;
  int64_t priority = 0;             // a lower one is more urgent; all the same unless the policy is by priority
  int64_t arrival = 0;              // when its request came: smaller is earlier; forks keep their parent's
  int64_t num_tokens = 0;           // known tokens: the prompt and what was generated so far
  int64_t max_num_tokens = 0;       // what num_tokens can grow to at most
  int64_t final_num_tokens = 0;     // what it will grow to, where that is known: in a replay; else max_num_tokens
  int64_t num_computed = 0;         // of these, tokens whose keys and values are in the cache; fewer than num_tokens,
                                    // unless it rests: it has nothing to compute in this step
  int64_t num_pages = 0;            // pages in its table; of a waiting sequence, pages that the prefix cache has for it
  int64_t num_exclusive_pages = 0;  // of these, pages that nobody else holds
  bool copies_last_page = false;    // its next token falls into a shared page: one more page for the copy
  int64_t num_seats = 1;            // running sequences it becomes once its prompt is computed and forked (n > 1)
  int64_t num_idle_pages = 0;       // of a waiting sequence's pages, those that count as free until it is admitted
  // A sequence before this one is computing, or will be, what both begin with: to be passed over until that is done.
  bool awaits_prefix = false;
};

struct SchedulerLimits {
  int64_t max_num_batched_tokens = 0;  // token budget of a step
  int64_t max_num_seqs = 0;            // seats: sequences running at once
  int64_t page_size = 0;               // tokens
  int64_t watermark_pages = 0;         // stay free when a sequence is admitted, so that the running ones can grow
};

// Errors: kInvalidArgument, naming the option. A budget below max_num_seqs is one: a step could not give every running
// sequence its token.
Status ValidateLimits(const SchedulerLimits& limits);

// The memory that sequences share, for policies that reserve some of it.
struct MemoryShape {
  int64_t num_pages = 0;
  int64_t page_size = 0;      // tokens
  int64_t max_model_len = 0;  // no sequence grows longer, tokens
};

// The running are in order of (priority, arrival, id), the waiting in the order in which they are to be considered
// (queue_order.h). Preconditions, which the engine keeps:
//  - limits passed ValidateLimits, and at most max_num_seqs sequences run;
//  - a running sequence with more than one token left to compute holds the pages for all of them;
//  - waiting sequences hold no page that a running one could need: those of their num_idle_pages may go to others;
//  - the first waiting sequence awaits nobody's prefix when none is running;
//  - any single sequence, grown to its greatest length, fits the whole pool, and its num_seats fit max_num_seqs:
//    a request that breaks this is refused when it is submitted.
struct SchedulerInput {
  SchedulerLimits limits;
  int64_t num_free_pages = 0;
  std::span<const SequenceView> running;
  std::span<const SequenceView> waiting;
};

class SchedulingPolicy {
 public:
  virtual ~SchedulingPolicy() = default;

  // Whether a waiting sequence would be admitted with nobody else there; any thread. One that is not must not be shown
  // to Plan. Errors: kInvalidArgument, saying how much memory it would need.
  virtual Status CheckFits(const SequenceView& waiting) const {
    static_cast<void>(waiting);
    return {};
  }

  // Replaces `plan` by the next step. While there is work, the plan has at least one item.
  virtual void Plan(const SchedulerInput& input, StepPlan& plan) = 0;
};

}  // namespace tenfold::scheduler
