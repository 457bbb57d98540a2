// MemoryPlan: where each node's result lies, so that results that never live at once share memory (law 4).
//
// Most results lie in one arena. Liveness is read off the steps (fusion.h): a result lives from its node's step to the
// last step that reads it; memory is given back at the end of a step, since a step takes its rows through in any order.
// Offsets are planned once, for the greatest T and R, by first fit in execution order. A row-wise operation may write
// over its first input when nobody reads that afterwards.
//
// A result that only its own step reads, or that only goes into the packed rows of the product after it, has no place
// in the arena: each thread keeps the one row that it works on.
//
// Rows may be selected from a batch again and again: what is selected from lives to the end, and so do the graph's
// output and its states. Of a training graph the output alone does; its logits and their gradients, which exist a few
// rows at a time, have no place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/graph/fusion.h"
#include "tenfold/graph/graph.h"

namespace tenfold::graph {

// The greatest sizes a batch may have.
struct BatchLimits {
  int64_t max_tokens = 0;      // T
  int64_t max_logit_rows = 0;  // R

  int64_t max_rows(Rows rows) const { return rows == Rows::kTokens ? max_tokens : max_logit_rows; }
};

struct MemoryPlan {
  struct Place {
    bool is_row_local = false;  // in the thread's memory, one row; else in the arena, all rows
    size_t offset = 0;          // bytes, 64-byte aligned
  };
  std::vector<Place> places;  // of each node's result
  size_t arena_bytes = 0;
  size_t thread_bytes = 0;  // of each thread's rows
};

// `is_read_whole[n]`: whether a product reads node n's result itself, not packed rows of it.
MemoryPlan PlanMemory(const Graph& graph, std::span<const Step> steps, const std::vector<bool>& is_read_whole,
                      const BatchLimits& limits);

// For each result, the last node that reads it, in the order of execution, and that node's step. What lives to the end
// has no such node and a step beyond the last. A result that nobody reads dies in its own step.
struct LastUse {
  NodeId node;
  size_t step;
};
std::vector<LastUse> LastUses(const Graph& graph, std::span<const Step> steps);

}  // namespace tenfold::graph
