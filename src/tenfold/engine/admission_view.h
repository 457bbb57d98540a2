// AdmissionView: what the scheduler is shown of the waiting sequences: in which order to consider them, what the prefix
// cache has of each, and who had better wait until another one has computed what both begin with.
//
// Not thread-safe. Pool and prefix cache outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/cache/page_pool.h"
#include "tenfold/cache/prefix_cache.h"
#include "tenfold/engine/scheduled_sequence.h"
#include "tenfold/scheduler/queue_order.h"
#include "tenfold/scheduler/scheduler.h"

namespace tenfold::engine {

// How waiting sequences share what is computed.
struct Sharing {
  cache::PrefixCache* prefix_cache = nullptr;  // null: prefixes are not shared
  scheduler::QueueOrder queue_order = scheduler::QueueOrder::kFcfs;
  int64_t max_overtaken = scheduler::kDefaultMaxOvertaken;
};

class AdmissionView {
 public:
  AdmissionView(const scheduler::SchedulerLimits& limits, const cache::PagePool& pool, const Sharing& sharing)
      : limits_(limits), pool_(&pool), sharing_(sharing) {}

  // No step admits more than there are seats; the first is shown in any case, for it may be worth a preemption.
  size_t NumShown(size_t num_running) const;
  // Of the earliest waiting sequences, how many Build must be given to find those.
  size_t NumConsidered(size_t num_waiting, size_t num_running) const;

  // Both in order of (priority, arrival, id). Valid until the next call.
  std::span<const scheduler::SequenceView> Build(std::span<const ScheduledSequence* const> running,
                                                 std::span<const ScheduledSequence* const> waiting);
  // What the last Build gave.
  std::span<const scheduler::SequenceView> views() const { return views_; }

  // The pages that the prefix cache has of a sequence's cacheable tokens.
  // Valid until a page is allocated or the next call.
  std::span<const cache::PageId> FindPrefix(const ScheduledSequence& sequence);

 private:
  void OrderWaiting(std::span<const ScheduledSequence* const> waiting);
  scheduler::SequenceView ViewOf(const ScheduledSequence& sequence);

  const scheduler::SchedulerLimits limits_;
  const cache::PagePool* pool_;
  const Sharing sharing_;
  // Reused from step to step.
  std::vector<scheduler::SequenceView> views_;
  std::vector<const ScheduledSequence*> beginners_;  // whose first tokens are computed before those of others
  std::vector<cache::PageId> found_;
  std::vector<scheduler::QueuedPrompt> queue_;
  std::vector<size_t> order_;  // of waiting sequences
};

}  // namespace tenfold::engine
