// PlanTrainingSteps: which nodes of a training graph are executed together.
//
// Unlike PlanSteps (fusion.h) it keeps the graph's order, which decides what has to be kept how long: what autodiff or
// recomputation put late is wanted late. Neighbouring nodes that work row by row become one step.
//
// The product that gives the logits, the losses and the gradients behind it become one, which takes a few rows through
// all of them: logits of all rows at once would be the largest matrix of a small model.
#pragma once

#include <vector>

#include "tenfold/graph/fusion.h"
#include "tenfold/graph/graph.h"

namespace tenfold::graph {

// Every node occurs once. The losses are a step of their own if the graph ends with them.
std::vector<Step> PlanTrainingSteps(const Graph& graph);

// Whether a node adds to the gradient of a vector row by row; each piece of rows has a sum of its own.
bool AddsToVectorGradient(Op op);

}  // namespace tenfold::graph
