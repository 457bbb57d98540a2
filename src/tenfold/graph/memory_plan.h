// MemoryPlan: where each node's result lies in one arena, so that results that never live at once share memory (law 4).
//
// Liveness is read off the node list: a result lives from its node to the last node that reads it. Offsets are planned
// once, for the greatest T and R, by first fit in execution order; an operation that works row by row may write over an
// input that dies with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tenfold/graph/graph.h"

namespace tenfold::graph {

// The greatest sizes a batch may have.
struct BatchLimits {
  int64_t max_tokens = 0;      // T
  int64_t max_logit_rows = 0;  // R
};

struct MemoryPlan {
  std::vector<size_t> offsets;  // of each node's result in the arena, 64-byte aligned
  size_t arena_bytes = 0;
};

MemoryPlan PlanMemory(const Graph& graph, const BatchLimits& limits);

// Index of the last node that reads each result; the graph's output lives to the end.
std::vector<NodeId> LastUses(const Graph& graph);

}  // namespace tenfold::graph
