#include "tenfold/training/reference_executor.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace tenfold::training {
namespace {

using Interpreter = graph::ReferenceInterpreter<float>;

Interpreter::Tensors EmptyTensors(const graph::Graph& graph) {
  Interpreter::Tensors tensors;
  for (const graph::Parameter& parameter : graph.parameters) {
    tensors[parameter.name].resize(static_cast<size_t>(parameter.shape.num_elements()));
  }
  return tensors;
}

}  // namespace

Result<ReferenceExecutor> ReferenceExecutor::Create(const graph::TrainingGraph& graph,
                                                    std::vector<graph::TrainingParameter> parameters,
                                                    const graph::BatchLimits& limits, graph::Precision,
                                                    const kernels::KernelTable&, platform::ThreadPool&) {
  return ReferenceExecutor(graph, std::move(parameters), limits);
}

ReferenceExecutor::ReferenceExecutor(const graph::TrainingGraph& graph,
                                     std::vector<graph::TrainingParameter> parameters, const graph::BatchLimits& limits)
    : graph_(&graph), parameters_(std::move(parameters)), interpreter_(graph.graph, EmptyTensors(graph.graph)) {
  for (const graph::Node& node : graph.graph.nodes) {
    activation_bytes_ += static_cast<size_t>(limits.max_rows(node.shape.rows) * node.shape.cols) * sizeof(float);
  }
}

void ReferenceExecutor::CopyWeights() {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    std::vector<float>& tensor = interpreter_.parameters().at(graph_->graph.parameters[i].name);
    std::copy_n(parameters_[i].weight, tensor.size(), tensor.begin());
  }
}

double ReferenceExecutor::SumOfLosses() const {
  double sum = 0;
  for (const float loss : interpreter_.value(graph_->graph.output)) sum += loss;
  return sum;
}

double ReferenceExecutor::Run(const graph::TrainingBatch& batch) {
  CopyWeights();
  interpreter_.Run(batch);
  std::set<std::string_view> added;  // two parameters of one name share a gradient
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const std::string& name = graph_->graph.parameters[i].name;
    if (parameters_[i].gradient == nullptr || !added.insert(name).second) continue;
    const auto found = interpreter_.gradients().find(name);
    if (found == interpreter_.gradients().end()) continue;
    for (size_t j = 0; j < found->second.size(); ++j) parameters_[i].gradient[j] += found->second[j];
  }
  return SumOfLosses();
}

double ReferenceExecutor::Evaluate(const graph::TrainingBatch& batch) {
  CopyWeights();
  interpreter_.Run(batch, graph_->num_forward_nodes);
  return SumOfLosses();
}

}  // namespace tenfold::training
