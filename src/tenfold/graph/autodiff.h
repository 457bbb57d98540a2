// Differentiate: the training graph of a model, by reverse accumulation, as a pass over its graph (law 1: there is no
// second definition of the model).
//
// The forward nodes stay as they are, but for attention, which becomes kTrainingAttention; behind them come the losses
// and then, last node first, the gradients of each node's inputs by the rule of its op (autodiff.cc has a rule per op).
// A value that is used several times has its gradients added in the order of the uses' rules.
//
// The logits' rows are those that the batch has targets for: SelectRows gives them.
#pragma once

#include "tenfold/graph/graph.h"

namespace tenfold::graph {

struct TrainingGraph {
  Graph graph;  // its output is the losses, a row for each target
  NodeId logits = kNone;
  // The forward pass, its losses included, is the first so many nodes.
  NodeId num_forward_nodes = 0;
};

// `model`'s output must be logits [R, vocab_size]. `z_loss` is the factor of the losses' second term (kCrossEntropy).
TrainingGraph Differentiate(const Graph& model, double z_loss = 0);

}  // namespace tenfold::graph
