#include "tenfold/graph/autodiff.h"

#include <utility>
#include <vector>

#include "tenfold/base/check.h"

namespace tenfold::graph {
namespace {

class Differentiation {
 public:
  TrainingGraph Run(const Graph& model, double z_loss) {
    CHECK(model.output != kNone);
    graph_.parameters = model.parameters;
    graph_.rotary_frequencies = model.rotary_frequencies;
    graph_.rotary_scale = model.rotary_scale;
    std::vector<NodeId> copies;  // of the model's nodes
    for (const Node& node : model.nodes) copies.push_back(Copy(node, copies));
    const NodeId logits = copies[static_cast<size_t>(model.output)];
    const ValueShape logits_shape = shape(logits);
    CHECK_MSG(logits_shape.rows == Rows::kLogitRows, "losses are of selected rows");
    const Attributes loss{.z_loss = static_cast<float>(z_loss)};
    graph_.output = Append({Op::kCrossEntropy, {Rows::kLogitRows, 1}, {logits}, kNone, loss});
    const auto num_forward_nodes = static_cast<NodeId>(graph_.nodes.size());

    gradients_.assign(graph_.nodes.size(), kNone);
    AddGradient(logits, Append({Op::kCrossEntropyGradient, logits_shape, {logits}, kNone, loss}));
    for (NodeId id = num_forward_nodes - 1; id >= 0; --id) {
      if (gradients_[static_cast<size_t>(id)] != kNone) Propagate(id, gradients_[static_cast<size_t>(id)]);
    }
    return {std::move(graph_), logits, num_forward_nodes};
  }

 private:
  ValueShape shape(NodeId id) const { return graph_.nodes[static_cast<size_t>(id)].shape; }

  NodeId Append(Node node) {
    graph_.nodes.push_back(std::move(node));
    return static_cast<NodeId>(graph_.nodes.size() - 1);
  }

  // What stands for the node in the training graph.
  NodeId Copy(const Node& node, const std::vector<NodeId>& copies) {
    Node copy = node;
    for (NodeId& input : copy.inputs) input = copies[static_cast<size_t>(input)];
    if (node.op != Op::kAttention) return Append(std::move(copy));
    copy.op = Op::kTrainingAttention;
    copy.shape.cols += node.attributes.num_heads;
    return Append({Op::kColumns, node.shape, {Append(std::move(copy))}});
  }

  void AddGradient(NodeId of, NodeId gradient) {
    NodeId& sum = gradients_[static_cast<size_t>(of)];
    sum = sum == kNone ? gradient : Append({Op::kAdd, shape(of), {sum, gradient}});
  }

  // The rules. `dy` is the gradient of what node `id` computes.
  void Propagate(NodeId id, NodeId dy) {
    const Node y = graph_.nodes[static_cast<size_t>(id)];  // a copy: nodes are appended
    const auto input = [&](size_t i) { return y.inputs[i]; };
    const auto parameter_gradient = [&](Op op, std::vector<NodeId> inputs) {
      Append({op, {y.shape.rows, 0}, std::move(inputs), y.parameter, y.attributes});
    };
    switch (y.op) {
      case Op::kEmbedding:
        parameter_gradient(Op::kEmbeddingWeightGradient, {dy});
        return;
      case Op::kPositionEmbedding:
        parameter_gradient(Op::kPositionEmbeddingWeightGradient, {dy});
        return;
      case Op::kLayerNorm:
        parameter_gradient(Op::kLayerNormWeightGradient, {input(0), dy});
        AddGradient(input(0),
                    Append({Op::kLayerNormInputGradient, y.shape, {input(0), dy}, y.parameter, y.attributes}));
        return;
      case Op::kDropout:
        AddGradient(input(0), Append({Op::kDropout, y.shape, {dy}, kNone, y.attributes}));
        return;
      case Op::kGelu:
        AddGradient(input(0), Append({Op::kGeluGradient, y.shape, {input(0), dy}}));
        return;
      case Op::kAddVector:
        parameter_gradient(Op::kAddVectorWeightGradient, {dy});
        AddGradient(input(0), dy);
        return;
      case Op::kRmsNorm:
        parameter_gradient(Op::kRmsNormWeightGradient, {input(0), dy});
        AddGradient(input(0), Append({Op::kRmsNormInputGradient, y.shape, {input(0), dy}, y.parameter, y.attributes}));
        return;
      case Op::kLinear:
        parameter_gradient(Op::kLinearWeightGradient, {input(0), dy});
        AddGradient(input(0), Append({Op::kLinearInputGradient, shape(input(0)), {dy}, y.parameter}));
        return;
      case Op::kRotary:  // positions have no gradient
        AddGradient(input(0), Append({Op::kRotaryGradient, y.shape, {dy, input(1)}, kNone, y.attributes}));
        return;
      case Op::kColumns:
        if (graph_.nodes[static_cast<size_t>(input(0))].op == Op::kTrainingAttention) {
          // Its results alone have a gradient, and its rule takes that as it is.
          AddAttentionGradients(graph_.nodes[static_cast<size_t>(input(0))], input(0), dy);
        } else {
          AddGradient(input(0), Append({Op::kPlaceColumns, shape(input(0)), {dy}, kNone, y.attributes}));
        }
        return;
      case Op::kSiluMultiply:
        AddGradient(input(0), Append({Op::kSiluMultiplyGateGradient, y.shape, {input(0), input(1), dy}}));
        AddGradient(input(1), Append({Op::kSiluMultiplyUpGradient, y.shape, {input(0), dy}}));
        return;
      case Op::kAdd:
        AddGradient(input(0), dy);
        AddGradient(input(1), dy);
        return;
      case Op::kSelectRows:
        AddGradient(input(0), Append({Op::kScatterRows, shape(input(0)), {dy}}));
        return;
      default:
        CHECK_MSG(false, "{} has no rule", OpName(y.op));
    }
  }

  void AddAttentionGradients(Node attention, NodeId id, NodeId dy) {
    int64_t cols = 0;
    for (const NodeId input : attention.inputs) cols += shape(input).cols;
    std::vector<NodeId> inputs = attention.inputs;
    inputs.insert(inputs.end(), {id, dy});
    const NodeId all =
        Append({Op::kAttentionGradient, {Rows::kTokens, cols}, std::move(inputs), kNone, attention.attributes});
    int64_t first_col = 0;
    for (const NodeId input : attention.inputs) {
      AddGradient(input, Append({Op::kColumns, shape(input), {all}, kNone, {.first_col = first_col}}));
      first_col += shape(input).cols;
    }
  }

  Graph graph_;
  std::vector<NodeId> gradients_;  // of the forward nodes; kNone where nothing asks for one
};

}  // namespace

TrainingGraph Differentiate(const Graph& model, double z_loss) {
  return Differentiation().Run(model, z_loss);
}

}  // namespace tenfold::graph
