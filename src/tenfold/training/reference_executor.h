// ReferenceExecutor: the interface of graph::TrainingExecutor on the plain interpreter. Stands in for it until it is
// there; slow, and the same on any number of threads.
#pragma once

#include <cstddef>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/graph/reference_interpreter.h"
#include "tenfold/graph/training_executor.h"

namespace tenfold::training {

class ReferenceExecutor {
 public:
  static Result<ReferenceExecutor> Create(const graph::TrainingGraph& graph,
                                          std::vector<graph::TrainingParameter> parameters,
                                          const graph::BatchLimits& limits, graph::Precision precision,
                                          const kernels::KernelTable& kernels, platform::ThreadPool& threads);

  double Run(const graph::TrainingBatch& batch);
  double Evaluate(const graph::TrainingBatch& batch);
  size_t activation_bytes() const { return activation_bytes_; }

 private:
  ReferenceExecutor(const graph::TrainingGraph& graph, std::vector<graph::TrainingParameter> parameters,
                    const graph::BatchLimits& limits);
  void CopyWeights();
  double SumOfLosses() const;

  const graph::TrainingGraph* graph_;
  std::vector<graph::TrainingParameter> parameters_;
  graph::ReferenceInterpreter<float> interpreter_;
  size_t activation_bytes_ = 0;
};

}  // namespace tenfold::training
