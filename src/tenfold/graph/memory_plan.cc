#include "tenfold/graph/memory_plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tenfold/base/rounding.h"

namespace tenfold::graph {
namespace {

// Free ranges of an arena that grows at its end.
class FreeRanges {
 public:
  size_t Take(size_t size) {
    if (size == 0) return end_;
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
    if (size == 0) return;
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

// Whether row r of the result depends on row r of the inputs alone, and may be written over one that is as wide.
bool MayOverwriteInputs(Op op) {
  switch (op) {
    case Op::kRmsNorm:
    case Op::kLayerNorm:
    case Op::kRotary:
    case Op::kSiluMultiply:
    case Op::kGelu:
    case Op::kAdd:
    case Op::kAddVector:
    case Op::kDropout:
    case Op::kLayerNormInputGradient:
    case Op::kGeluGradient:
    case Op::kRmsNormInputGradient:
    case Op::kRotaryGradient:
    case Op::kSiluMultiplyGateGradient:
    case Op::kSiluMultiplyUpGradient:
      return true;
    default:
      return false;
  }
}

// Logits and their gradients, in a step that makes them a few rows at a time.
bool HasNoPlace(const Step& step, Op op) {
  return step.kind == Step::Kind::kLossHead && (op == Op::kLinear || op == Op::kCrossEntropyGradient);
}

size_t RowBytes(const Node& node) {
  return static_cast<size_t>(RoundUp(node.shape.cols * static_cast<int64_t>(sizeof(float)), 64));
}

size_t ResultBytes(const Node& node, const BatchLimits& limits) {
  return static_cast<size_t>(
      RoundUp(limits.max_rows(node.shape.rows) * node.shape.cols * static_cast<int64_t>(sizeof(float)), int64_t{64}));
}

class Planner {
 public:
  Planner(const Graph& graph, std::span<const Step> steps, const std::vector<bool>& is_read_whole,
          const BatchLimits& limits)
      : graph_(graph),
        steps_(steps),
        is_read_whole_(is_read_whole),
        limits_(limits),
        last_uses_(LastUses(graph, steps)) {
    plan_.places.resize(graph.nodes.size());
  }

  MemoryPlan Plan() {
    for (size_t s = 0; s < steps_.size(); ++s) {
      row_bytes_ = 0;
      for (const NodeId id : steps_[s].nodes) Place(id, s);
      plan_.thread_bytes = std::max(plan_.thread_bytes, row_bytes_);
      FreeWhatDiesIn(s);
    }
    plan_.arena_bytes = arena_.end();
    return std::move(plan_);
  }

 private:
  const Node& node(NodeId id) const { return graph_.nodes[static_cast<size_t>(id)]; }
  MemoryPlan::Place& place(NodeId id) { return plan_.places[static_cast<size_t>(id)]; }
  const LastUse& last_use(NodeId id) const { return last_uses_[static_cast<size_t>(id)]; }

  // The product after a kRows step reads rows that the step packs.
  bool IsRowLocal(NodeId id, size_t step) const {
    if (steps_[step].kind != Step::Kind::kRows) return false;
    const bool is_packed = steps_[step].packed == id && !is_read_whole_[static_cast<size_t>(id)];
    return last_use(id).step <= (is_packed ? step + 1 : step);
  }

  void Place(NodeId id, size_t step) {
    if (IsRowLocal(id, step)) {
      place(id) = {.is_row_local = true, .offset = row_bytes_};
      row_bytes_ += RowBytes(node(id));
      return;
    }
    if (HasNoPlace(steps_[step], node(id).op)) return;
    if (MayOverwriteInputs(node(id).op)) {
      for (const NodeId input : node(id).inputs) {
        const bool is_free = last_use(input).node == id && !place(input).is_row_local && !is_overwritten(input);
        if (!is_free || node(input).shape != node(id).shape) continue;
        place(id).offset = place(input).offset;
        overwritten_.push_back(input);
        return;
      }
    }
    place(id).offset = arena_.Take(ResultBytes(node(id), limits_));
  }

  bool is_overwritten(NodeId id) const { return std::ranges::find(overwritten_, id) != overwritten_.end(); }

  // Results whose memory another one has taken over live on as that one.
  void FreeWhatDiesIn(size_t step) {
    for (size_t s = 0; s <= step; ++s) {
      for (const NodeId id : steps_[s].nodes) {
        if (last_use(id).step != step || place(id).is_row_local || is_overwritten(id)) continue;
        if (HasNoPlace(steps_[s], node(id).op)) continue;
        arena_.Give(place(id).offset, ResultBytes(node(id), limits_));
      }
    }
  }

  const Graph& graph_;
  std::span<const Step> steps_;
  const std::vector<bool>& is_read_whole_;
  const BatchLimits limits_;
  const std::vector<LastUse> last_uses_;
  MemoryPlan plan_;
  FreeRanges arena_;
  std::vector<NodeId> overwritten_;
  size_t row_bytes_ = 0;
};

}  // namespace

std::vector<LastUse> LastUses(const Graph& graph, std::span<const Step> steps) {
  std::vector<LastUse> last(graph.nodes.size());
  for (size_t s = 0; s < steps.size(); ++s) {
    for (const NodeId id : steps[s].nodes) {
      last[static_cast<size_t>(id)] = {id, s};
      for (const NodeId input : graph.nodes[static_cast<size_t>(id)].inputs) {
        last[static_cast<size_t>(input)] = {id, s};
      }
    }
  }
  const LastUse end{kNone, steps.size()};
  const bool is_training = graph.nodes[static_cast<size_t>(graph.output)].op == Op::kCrossEntropy;
  for (const Node& node : graph.nodes) {
    if (node.op == Op::kSelectRows && !is_training) last[static_cast<size_t>(node.inputs[0])] = end;
  }
  last[static_cast<size_t>(graph.output)] = end;
  if (graph.states != kNone) last[static_cast<size_t>(graph.states)] = end;
  return last;
}

MemoryPlan PlanMemory(const Graph& graph, std::span<const Step> steps, const std::vector<bool>& is_read_whole,
                      const BatchLimits& limits) {
  return Planner(graph, steps, is_read_whole, limits).Plan();
}

}  // namespace tenfold::graph
