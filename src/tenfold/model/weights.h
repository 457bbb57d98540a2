// Loads a graph's parameters from a checkpoint: checks shapes, packs matrices on all threads.
#pragma once

#include <cstddef>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/graph/executor.h"
#include "tenfold/graph/graph.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::model {

// One bound parameter for each of graph.parameters. Tables stay views into the checkpoint, which must outlive the
// result. Shows a progress bar when it takes over a second. Errors: kNotFound, kUnsupported, and kCorrupt for a tensor
// whose shape is not the one that the configuration implies.
Result<std::vector<graph::BoundParameter>> LoadWeights(const graph::Graph& graph, const Checkpoint& checkpoint,
                                                       platform::ThreadPool& threads);

// Memory that the parameters occupy, mapped tables included.
size_t WeightBytes(const std::vector<graph::BoundParameter>& parameters);

}  // namespace tenfold::model
