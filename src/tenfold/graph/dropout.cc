#include "tenfold/graph/dropout.h"

#include <utility>
#include <vector>

#include "tenfold/base/check.h"

namespace tenfold::graph {
namespace {

bool IsEmbedding(Op op) {
  return op == Op::kEmbedding || op == Op::kPositionEmbedding;
}

// Behind which nodes dropout stands: the branches that join the residual stream, and the embeddings, where token and
// position are added first.
std::vector<bool> FindDropped(const Graph& model) {
  std::vector<bool> is_dropped(model.nodes.size(), false);
  const auto op = [&](NodeId id) { return model.nodes[static_cast<size_t>(id)].op; };
  std::vector<bool> is_summand(model.nodes.size(), false);
  for (NodeId id = 0; id < static_cast<NodeId>(model.nodes.size()); ++id) {
    const Node& node = model.nodes[static_cast<size_t>(id)];
    if (node.op != Op::kAdd) continue;
    if (IsEmbedding(op(node.inputs[0])) && IsEmbedding(op(node.inputs[1]))) {
      is_dropped[static_cast<size_t>(id)] = true;
      for (const NodeId input : node.inputs) is_summand[static_cast<size_t>(input)] = true;
    } else {
      is_dropped[static_cast<size_t>(node.inputs[1])] = true;
    }
  }
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    if (model.nodes[i].op == Op::kEmbedding && !is_summand[i]) is_dropped[i] = true;
  }
  return is_dropped;
}

}  // namespace

Graph WithDropout(const Graph& model, double probability) {
  CHECK(probability >= 0 && probability < 1);
  if (probability == 0) return model;
  const std::vector<bool> is_dropped = FindDropped(model);
  Graph result = model;
  result.nodes.clear();
  std::vector<NodeId> now;  // what stands for each of the model's nodes
  int64_t stream = 0;
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    Node node = model.nodes[i];
    for (NodeId& input : node.inputs) input = now[static_cast<size_t>(input)];
    const ValueShape shape = node.shape;
    result.nodes.push_back(std::move(node));
    if (is_dropped[i]) {
      const auto input = static_cast<NodeId>(result.nodes.size() - 1);
      result.nodes.push_back({Op::kDropout, shape, {input}, kNone, {.stream = stream++, .probability = probability}});
    }
    now.push_back(static_cast<NodeId>(result.nodes.size() - 1));
  }
  result.output = now[static_cast<size_t>(model.output)];
  if (model.states != kNone) result.states = now[static_cast<size_t>(model.states)];
  return result;
}

}  // namespace tenfold::graph
