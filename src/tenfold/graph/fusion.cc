#include "tenfold/graph/fusion.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::graph {
namespace {

Step::Kind KindOf(Op op) {
  switch (op) {
    case Op::kLinear:
      return Step::Kind::kLinear;
    case Op::kAttention:
      return Step::Kind::kAttention;
    default:
      return Step::Kind::kRows;
  }
}

class Planner {
 public:
  Planner(const Graph& graph, Fusion fusion) : graph_(graph), fusion_(fusion), is_done_(graph.nodes.size(), false) {}

  std::vector<Step> Plan() {
    for (NodeId first = FirstReady(); first != kNone; first = FirstReady()) Add(StepFrom(first));
    CHECK(std::find(is_done_.begin(), is_done_.end(), false) == is_done_.end());
    return std::move(steps_);
  }

 private:
  const Node& node(NodeId id) const { return graph_.nodes[static_cast<size_t>(id)]; }

  bool IsReady(NodeId id) const {
    const auto is_done = [&](NodeId input) { return is_done_[static_cast<size_t>(input)]; };
    return !is_done_[static_cast<size_t>(id)] && std::ranges::all_of(node(id).inputs, is_done);
  }

  // What all tokens need comes before what is selected from it.
  NodeId FirstReady() const {
    const NodeId first = FirstReady(Rows::kTokens);
    return first != kNone ? first : FirstReady(Rows::kLogitRows);
  }

  // Row-wise nodes first: what they prepare lets products stand together.
  NodeId FirstReady(Rows rows) const {
    NodeId first = kNone;
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) {
      if (node(id).shape.rows != rows || !IsReady(id)) continue;
      if (fusion_ == Fusion::kNone || KindOf(node(id).op) == Step::Kind::kRows) return id;
      if (first == kNone) first = id;
    }
    return first;
  }

  bool JoinsWith(NodeId first, NodeId other) const {
    const Step::Kind kind = KindOf(node(first).op);
    if (fusion_ == Fusion::kNone || kind != KindOf(node(other).op)) return false;
    if (kind == Step::Kind::kLinear) return node(first).inputs == node(other).inputs;
    return kind == Step::Kind::kRows && node(first).shape.rows == node(other).shape.rows;
  }

  Step StepFrom(NodeId first) {
    Step step{.kind = KindOf(node(first).op), .rows = node(first).shape.rows, .nodes = {}};
    // One pass suffices: a node's inputs stand before it.
    for (NodeId id = first; id < static_cast<NodeId>(graph_.nodes.size()); ++id) {
      if (!IsReady(id) || (id != first && !JoinsWith(first, id))) continue;
      step.nodes.push_back(id);
      is_done_[static_cast<size_t>(id)] = true;
    }
    return step;
  }

  void Add(Step step) {
    if (step.kind == Step::Kind::kLinear) {
      const NodeId input = node(step.nodes[0]).inputs[0];
      const bool joins = fusion_ != Fusion::kNone && !steps_.empty() && steps_.back().kind == Step::Kind::kRows &&
                         steps_.back().rows == step.rows;
      if (!joins) steps_.push_back({.kind = Step::Kind::kRows, .rows = step.rows, .nodes = {}});
      steps_.back().packed = input;
    }
    steps_.push_back(std::move(step));
  }

  const Graph& graph_;
  Fusion fusion_;
  std::vector<bool> is_done_;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> PlanSteps(const Graph& graph, Fusion fusion) {
  return Planner(graph, fusion).Plan();
}

}  // namespace tenfold::graph
