// Recompute: a pass over a training graph that trades time for memory: forward results that the backward pass reads are
// not kept from one pass to the other but computed again where they are wanted first.
//
// The loss and the gradients stay the same, bit for bit: what is computed again is computed by the same operations from
// the same numbers.
#pragma once

#include "tenfold/graph/autodiff.h"

namespace tenfold::graph {

enum class Recomputation : uint8_t {
  kNone,  // everything is kept
  // What is cheap to compute beside the products that read it, and large: norms, activations, rotations, copies
  // (selective recomputation; Korthikanti et al., MLSys 2023, drop attention's scores, which are never kept here).
  kSelective,
  // One matrix is kept for each layer, its input, and what a layer computes exists for one layer at a time (Chen et
  // al., "Training deep nets with sublinear memory cost", 2016). The last layer, whose backward pass comes at once, is
  // kept. Costs the forward pass of the others once more.
  kFull,
};

TrainingGraph Recompute(const TrainingGraph& graph, Recomputation policy);

}  // namespace tenfold::graph
