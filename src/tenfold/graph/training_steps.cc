#include "tenfold/graph/training_steps.h"

#include <algorithm>

#include "tenfold/base/check.h"

namespace tenfold::graph {
namespace {

bool IsRowWise(Op op) {
  switch (op) {
    case Op::kLinear:
    case Op::kTrainingAttention:
    case Op::kAttentionGradient:
    case Op::kLinearInputGradient:
    case Op::kLinearWeightGradient:
    case Op::kEmbeddingWeightGradient:
    case Op::kPositionEmbeddingWeightGradient:
      return false;
    default:
      return true;
  }
}

// Whether what a row needs stands in rows that other steps compute.
bool CrossesRows(Op op) {
  return op == Op::kSelectRows || op == Op::kScatterRows;
}

}  // namespace

bool AddsToVectorGradient(Op op) {
  return op == Op::kRmsNormWeightGradient || op == Op::kLayerNormWeightGradient || op == Op::kAddVectorWeightGradient;
}

std::vector<Step> PlanTrainingSteps(const Graph& graph) {
  const auto node = [&](NodeId id) -> const Node& { return graph.nodes[static_cast<size_t>(id)]; };
  CHECK(node(graph.output).op == Op::kCrossEntropy);
  const NodeId logits = node(graph.output).inputs[0];
  CHECK(node(logits).op == Op::kLinear);
  const auto is_of_loss_head = [&](NodeId id) {
    const auto reads_gradient = [&](NodeId input) { return node(input).op == Op::kCrossEntropyGradient; };
    return id == logits || id == graph.output || node(id).op == Op::kCrossEntropyGradient ||
           std::ranges::any_of(node(id).inputs, reads_gradient);
  };
  std::vector<Step> steps;
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    const Rows rows = node(id).shape.rows;
    Step* const last = steps.empty() ? nullptr : &steps.back();
    if (is_of_loss_head(id)) {
      if (id == logits) {
        steps.push_back({.kind = Step::Kind::kLossHead, .rows = rows, .nodes = {}});
      } else {
        CHECK(last->kind == Step::Kind::kLossHead);
      }
      steps.back().nodes.push_back(id);
      continue;
    }
    if (!IsRowWise(node(id).op)) {
      steps.push_back({.kind = Step::Kind::kWhole, .rows = rows, .nodes = {id}});
      continue;
    }
    if (last == nullptr || last->kind != Step::Kind::kRows || last->rows != rows || CrossesRows(node(id).op)) {
      steps.push_back({.kind = Step::Kind::kRows, .rows = rows, .nodes = {}});
    }
    steps.back().nodes.push_back(id);
  }
  return steps;
}

}  // namespace tenfold::graph
