// TrainingExecutor: runs training graphs (autodiff.h) with the fast kernels on all threads.
//
// Results live in one arena whose places are planned once over both passes (memory_plan.h): a forward result lives to
// its last use in the backward pass. Weights and their gradients are the caller's, row-major f32.
//
// Every sum's order is fixed, whatever the number of threads: losses and gradients are the same bits on one thread and
// on many. One thread at a time may call it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/graph/autodiff.h"
#include "tenfold/graph/memory_plan.h"
#include "tenfold/graph/training_batch.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::graph {

// Of one of the graph's parameters; two of one name share it.
struct TrainingParameter {
  const float* weight = nullptr;
  float* gradient = nullptr;  // null: runs that need it are bugs
};

// What matrix products and attention multiply. Sums, norms, the residual stream and the weights themselves are f32.
enum class Precision : uint8_t { kF32, kBf16 };

class TrainingExecutor {
 public:
  // The graph outlives it, and so do parameters' arrays, kernels and threads. `parameters` are in the graph's order.
  // Errors: kResourceExhausted.
  static Result<TrainingExecutor> Create(const TrainingGraph& graph, std::vector<TrainingParameter> parameters,
                                         const BatchLimits& limits, Precision precision,
                                         const kernels::KernelTable& kernels, platform::ThreadPool& threads);

  // Both passes. Adds to the parameters' gradients; returns the sum of the losses. The batch keeps within the limits,
  // its tokens and targets within the vocabulary.
  double Run(const TrainingBatch& batch);

  // The forward pass alone; returns the sum of the losses.
  double Evaluate(const TrainingBatch& batch);

  // Of results: planned, and allocated once.
  size_t activation_bytes() const;
};

}  // namespace tenfold::graph
