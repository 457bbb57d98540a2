#include "tenfold/graph/memory_plan.h"

#include <algorithm>
#include <map>

#include "tenfold/base/check.h"

namespace tenfold::graph {
namespace {

// Free ranges of an arena that grows at its end.
class FreeRanges {
 public:
  size_t Take(size_t size) {
    for (auto range = free_.begin(); range != free_.end(); ++range) {
      if (range->second < size) continue;
      const auto [begin, length] = *range;
      free_.erase(range);
      if (length > size) free_.emplace(begin + size, length - size);
      return begin;
    }
    // A free range at the very end is extended rather than left behind.
    size_t begin = end_;
    if (!free_.empty() && free_.rbegin()->first + free_.rbegin()->second == end_) {
      begin = free_.rbegin()->first;
      free_.erase(begin);
    }
    end_ = begin + size;
    return begin;
  }

  void Give(size_t begin, size_t size) {
    auto next = free_.lower_bound(begin);
    if (next != free_.end() && begin + size == next->first) {
      size += next->second;
      next = free_.erase(next);
    }
    if (next != free_.begin()) {
      const auto previous = std::prev(next);
      if (previous->first + previous->second == begin) {
        previous->second += size;
        return;
      }
    }
    free_.emplace(begin, size);
  }

  size_t end() const { return end_; }

 private:
  std::map<size_t, size_t> free_;  // begin -> length
  size_t end_ = 0;
};

bool WorksRowByRow(Op op) {
  return op == Op::kRmsNorm || op == Op::kRotary || op == Op::kSiluMultiply || op == Op::kAdd;
}

size_t ResultBytes(const Node& node, const BatchLimits& limits) {
  const int64_t rows = node.shape.rows == Rows::kTokens ? limits.max_tokens : limits.max_logit_rows;
  return (static_cast<size_t>(rows * node.shape.cols) * sizeof(float) + 63) / 64 * 64;
}

}  // namespace

std::vector<NodeId> LastUses(const Graph& graph) {
  std::vector<NodeId> last(graph.nodes.size(), kNone);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    last[i] = static_cast<NodeId>(i);
    for (const NodeId input : graph.nodes[i].inputs) last[static_cast<size_t>(input)] = static_cast<NodeId>(i);
  }
  last[static_cast<size_t>(graph.output)] = static_cast<NodeId>(graph.nodes.size());
  return last;
}

MemoryPlan PlanMemory(const Graph& graph, const BatchLimits& limits) {
  const std::vector<NodeId> last_uses = LastUses(graph);
  MemoryPlan plan;
  plan.offsets.resize(graph.nodes.size());
  FreeRanges arena;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const size_t size = ResultBytes(node, limits);
    std::vector<size_t> dying;
    for (const NodeId input : node.inputs) {
      const auto index = static_cast<size_t>(input);
      const bool seen = std::find(dying.begin(), dying.end(), index) != dying.end();
      if (last_uses[index] == static_cast<NodeId>(i) && !seen) dying.push_back(index);
    }
    const bool overwrites = WorksRowByRow(node.op) && !dying.empty() && dying[0] == static_cast<size_t>(node.inputs[0]);
    if (overwrites) {
      plan.offsets[i] = plan.offsets[dying[0]];
      dying.erase(dying.begin());
    } else {
      plan.offsets[i] = arena.Take(size);
    }
    for (const size_t index : dying) arena.Give(plan.offsets[index], ResultBytes(graph.nodes[index], limits));
    if (last_uses[i] == static_cast<NodeId>(i)) arena.Give(plan.offsets[i], size);
  }
  plan.arena_bytes = arena.end();
  return plan;
}

}  // namespace tenfold::graph
