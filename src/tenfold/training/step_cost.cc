#include "tenfold/training/step_cost.h"

#include "tenfold/graph/graph.h"

namespace tenfold::training {

double OperationsPerStep(const TrainingConfig& config) {
  const graph::Graph graph = BuildModel(config);
  double per_token = 0;
  for (const graph::Node& node : graph.nodes) {
    if (node.op == graph::Op::kLinear) {
      per_token += 2 * static_cast<double>(graph.parameters[static_cast<size_t>(node.parameter)].shape.num_elements());
    } else if (node.op == graph::Op::kAttention) {
      // Scores and weighted sums over the half of the context that a token sees on average.
      const graph::Attributes& a = node.attributes;
      per_token += 2 * 2 * static_cast<double>(a.num_heads * a.head_dim) *
                   (static_cast<double>(config.model.context_length) + 1) / 2;
    }
  }
  return 3 * per_token * static_cast<double>(config.tokens_per_step());
}

}  // namespace tenfold::training
