// ReferenceInterpreter: runs a graph with plain loops, every value kept, in f32 or f64. What is right by reading it,
// for the fast interpreter and for gradients to be compared with (law 9).
//
// Attention is over the batch's own sequences from their beginnings on: there is no cache.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tenfold/graph/graph.h"
#include "tenfold/graph/training_batch.h"

namespace tenfold::graph {

template <class Scalar>
class ReferenceInterpreter {
 public:
  // Row-major, by the parameter's name: a name that stands in the graph twice is one tensor.
  using Tensors = std::map<std::string, std::vector<Scalar>>;

  // The graph outlives it. `parameters` are all of the graph's.
  ReferenceInterpreter(const Graph& graph, Tensors parameters);

  Tensors& parameters() { return parameters_; }

  // Runs the first `num_nodes` nodes. Gradients begin at zero.
  void Run(const TrainingBatch& batch, NodeId num_nodes);
  void Run(const TrainingBatch& batch) { Run(batch, static_cast<NodeId>(graph_->nodes.size())); }

  // What a node computed, row-major.
  const std::vector<Scalar>& value(NodeId id) const { return values_[static_cast<size_t>(id)]; }
  // Of the parameters, by name; only those that the nodes that ran add to.
  const Tensors& gradients() const { return gradients_; }

 private:
  void RunNode(const Node& node, std::vector<Scalar>& out);
  void AddParameterGradient(const Node& node);
  void RunAttention(const Node& node, std::vector<Scalar>& out) const;
  void RunAttentionGradient(const Node& node, std::vector<Scalar>& out) const;
  void RunRotation(const Node& node, bool back, std::vector<Scalar>& out) const;

  const Node& node(NodeId id) const { return graph_->nodes[static_cast<size_t>(id)]; }
  int64_t cols(NodeId id) const { return node(id).shape.cols; }
  int64_t num_rows(const Node& n) const;
  // Of the batch's token in this row, in its sequence.
  int64_t position(int64_t row) const { return positions_[static_cast<size_t>(row)]; }
  const Scalar* row(NodeId id, int64_t row) const { return value(id).data() + row * cols(id); }
  const std::vector<Scalar>& parameter(const Node& n) const;

  const Graph* graph_;
  Tensors parameters_;
  Tensors gradients_;
  std::vector<std::vector<Scalar>> values_;
  const TrainingBatch* batch_ = nullptr;
  std::vector<int64_t> positions_;  // of its tokens
};

extern template class ReferenceInterpreter<float>;
extern template class ReferenceInterpreter<double>;

}  // namespace tenfold::graph
