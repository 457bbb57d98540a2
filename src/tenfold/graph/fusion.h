// Fusion: which nodes of a graph are executed together, and in what order.
//
// Operations that work row by row (embeddings, norms, rotary, activations, sums) are cheap in arithmetic and dear in
// memory traffic: done one after the other, each reads and writes whole matrices. PlanSteps chains all of them that are
// ready into one step, which takes a row through the whole chain while it lies in the nearest cache, and ends by
// packing the row for the matrix product that follows. Matrix products of one input become one step and share its
// packing: query, key and value, or gate and up. No pattern of a particular model is looked for: readiness and row-wise
// work are all that counts (the vertical fusion of pointwise operations and reductions in PyTorch 2, ASPLOS 2024,
// section 4.3).
//
// Fusing changes no bit of any result: every operation sees the same numbers in the same order.
#pragma once

#include <vector>

#include "tenfold/graph/graph.h"

namespace tenfold::graph {

struct Step {
  enum class Kind : uint8_t {
    kRows,       // nodes that work row by row, executed row after row
    kLinear,     // matrix products of one input
    kAttention,  // one node
    // Of training graphs (training_steps.h):
    kWhole,     // one node that goes over all rows in its own way
    kLossHead,  // the product that gives logits, their losses and gradients, a few rows at a time
  };
  Kind kind = Kind::kRows;
  Rows rows = Rows::kTokens;
  std::vector<NodeId> nodes;  // in the order of execution; may be empty when there is something to pack
  NodeId packed = kNone;      // kRows: the result that the kLinear step after this one reads
};

enum class Fusion : uint8_t {
  kNone,      // every node is a step of its own: the baseline
  kRowChains  // as described above
};

// The graph's steps; every node occurs once, after its inputs, and those of kTokens rows before all others.
std::vector<Step> PlanSteps(const Graph& graph, Fusion fusion);

}  // namespace tenfold::graph
