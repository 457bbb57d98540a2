// StepPlan: what one step computes, decided by a SchedulingPolicy (scheduler.h), carried out by the engine.
//
// The engine first frees the pages of the preempted sequences, latest first, and puts them back among the waiting; then
// it reserves pages for the items in their order: for an admitted sequence those of all its tokens, for any other those
// of the item. Done in this order, no reservation fails.
#pragma once

#include <cstdint>
#include <vector>

namespace tenfold::scheduler {

// Unique, never used again.
using SequenceId = int64_t;

struct StepPlan {
  struct Item {
    SequenceId id;
    int64_t num_tokens;  // at least 1: the tokens after its computed ones

    friend bool operator==(const Item&, const Item&) = default;
  };

  std::vector<Item> items;            // every sequence of the batch, once
  std::vector<SequenceId> preempted;  // running until now: give the pages back, compute again later
  std::vector<SequenceId> admitted;   // waiting until now: run from this step on; each has an item

  // Keeps the memory: a plan that is used again allocates nothing once it has grown.
  void Clear() {
    items.clear();
    preempted.clear();
    admitted.clear();
  }
};

}  // namespace tenfold::scheduler
