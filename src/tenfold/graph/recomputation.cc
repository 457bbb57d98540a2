#include "tenfold/graph/recomputation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "tenfold/base/check.h"

namespace tenfold::graph {
namespace {

bool IsCheap(Op op) {
  switch (op) {
    case Op::kRmsNorm:
    case Op::kLayerNorm:
    case Op::kRotary:
    case Op::kSiluMultiply:
    case Op::kGelu:
    case Op::kColumns:
    case Op::kAddVector:
      return true;
    default:
      return false;  // sums among them: one would lead to the next, down to the first layer
  }
}

// For each forward node: whether all that comes later reads of what came before, beside the angles, is its result.
std::vector<bool> FindCuts(const TrainingGraph& training) {
  const std::vector<Node>& nodes = training.graph.nodes;
  const auto num_forward = static_cast<size_t>(training.num_forward_nodes);
  std::vector<size_t> last_reader(num_forward, 0);
  for (size_t i = 0; i < num_forward; ++i) {
    for (const NodeId input : nodes[i].inputs) last_reader[static_cast<size_t>(input)] = i;
  }
  std::vector<bool> is_cut(num_forward, false);
  for (size_t i = 0; i < num_forward; ++i) {
    const auto is_read_later = [&](size_t k) { return nodes[k].op != Op::kRotaryAngles && last_reader[k] > i; };
    size_t num_live = 0;
    for (size_t k = 0; k < i; ++k) num_live += is_read_later(k) ? 1 : 0;
    is_cut[i] = num_live == 0 && nodes[i].shape.rows == Rows::kTokens && nodes[i].op != Op::kRotaryAngles;
  }
  return is_cut;
}

// Which forward results stay from one pass to the other.
std::vector<bool> FindKept(const TrainingGraph& training, Recomputation policy) {
  const std::vector<Node>& nodes = training.graph.nodes;
  const auto num_forward = static_cast<size_t>(training.num_forward_nodes);
  std::vector<bool> is_kept(num_forward, true);
  if (policy == Recomputation::kSelective) {
    for (size_t i = 0; i < num_forward; ++i) is_kept[i] = !IsCheap(nodes[i].op);
  } else if (policy == Recomputation::kFull) {
    const std::vector<bool> is_cut = FindCuts(training);
    size_t layer_input = num_forward;  // the last cut so far
    for (size_t i = 0, since = 0; i < num_forward; ++i) {
      if (is_cut[i]) layer_input = i;
      if (nodes[i].op != Op::kTrainingAttention || layer_input == num_forward) continue;
      // Of the layer before, nothing but its input, which is at `since`.
      for (size_t k = since; k < layer_input; ++k) is_kept[k] = k == since;
      since = layer_input;
    }
    for (size_t i = 0; i < num_forward; ++i) {
      const bool is_leaf = nodes[i].inputs.empty();
      if (is_leaf) is_kept[i] = true;  // angles and embeddings
    }
  }
  // The loss and its gradients are one step (training_steps.h), which nothing can come between.
  is_kept[static_cast<size_t>(nodes[static_cast<size_t>(training.logits)].inputs[0])] = true;
  return is_kept;
}

class Rewriting {
 public:
  Rewriting(const TrainingGraph& training, std::vector<bool> is_kept)
      : training_(training), is_kept_(std::move(is_kept)), again_(is_kept_.size(), kNone) {}

  TrainingGraph Run() {
    TrainingGraph result = training_;
    nodes_.assign(training_.graph.nodes.begin(), training_.graph.nodes.begin() + training_.num_forward_nodes);
    for (size_t i = is_kept_.size(); i < training_.graph.nodes.size(); ++i) {
      Node node = training_.graph.nodes[i];
      for (NodeId& input : node.inputs) input = WantedBackward(input);
      nodes_.push_back(std::move(node));
      backward_.push_back(static_cast<NodeId>(nodes_.size() - 1));
    }
    result.graph.nodes = std::move(nodes_);
    return result;
  }

 private:
  // Where a backward node finds what `id` was.
  NodeId WantedBackward(NodeId id) {
    const auto index = static_cast<size_t>(id);
    if (index >= is_kept_.size()) return backward_[index - is_kept_.size()];
    if (is_kept_[index]) return id;
    if (again_[index] == kNone) {
      Node node = training_.graph.nodes[index];
      for (NodeId& input : node.inputs) input = WantedBackward(input);
      nodes_.push_back(std::move(node));
      again_[index] = static_cast<NodeId>(nodes_.size() - 1);
    }
    return again_[index];
  }

  const TrainingGraph& training_;
  std::vector<bool> is_kept_;
  std::vector<NodeId> again_;     // of forward nodes: what computes them again
  std::vector<NodeId> backward_;  // of backward nodes: where they stand now
  std::vector<Node> nodes_;
};

}  // namespace

TrainingGraph Recompute(const TrainingGraph& graph, Recomputation policy) {
  if (policy == Recomputation::kNone) return graph;
  return Rewriting(graph, FindKept(graph, policy)).Run();
}

}  // namespace tenfold::graph
