#include "tenfold/graph/graph.h"

#include <fmt/format.h>

namespace tenfold::graph {

const char* OpName(Op op) {
  switch (op) {
    case Op::kEmbedding:
      return "embedding";
    case Op::kPositionEmbedding:
      return "position_embedding";
    case Op::kRmsNorm:
      return "rms_norm";
    case Op::kLayerNorm:
      return "layer_norm";
    case Op::kLinear:
      return "linear";
    case Op::kRotaryAngles:
      return "rotary_angles";
    case Op::kRotary:
      return "rotary";
    case Op::kAttention:
      return "attention";
    case Op::kSiluMultiply:
      return "silu_multiply";
    case Op::kGelu:
      return "gelu";
    case Op::kAdd:
      return "add";
    case Op::kAddVector:
      return "add_vector";
    case Op::kSelectRows:
      return "select_rows";
    case Op::kDropout:
      return "dropout";
    case Op::kCrossEntropy:
      return "cross_entropy";
    case Op::kCrossEntropyGradient:
      return "cross_entropy_gradient";
    case Op::kTrainingAttention:
      return "training_attention";
    case Op::kAttentionGradient:
      return "attention_gradient";
    case Op::kColumns:
      return "columns";
    case Op::kPlaceColumns:
      return "place_columns";
    case Op::kScatterRows:
      return "scatter_rows";
    case Op::kLinearInputGradient:
      return "linear_input_gradient";
    case Op::kLayerNormInputGradient:
      return "layer_norm_input_gradient";
    case Op::kGeluGradient:
      return "gelu_gradient";
    case Op::kRmsNormInputGradient:
      return "rms_norm_input_gradient";
    case Op::kRotaryGradient:
      return "rotary_gradient";
    case Op::kSiluMultiplyGateGradient:
      return "silu_multiply_gate_gradient";
    case Op::kSiluMultiplyUpGradient:
      return "silu_multiply_up_gradient";
    case Op::kEmbeddingWeightGradient:
      return "embedding_weight_gradient";
    case Op::kPositionEmbeddingWeightGradient:
      return "position_embedding_weight_gradient";
    case Op::kLayerNormWeightGradient:
      return "layer_norm_weight_gradient";
    case Op::kAddVectorWeightGradient:
      return "add_vector_weight_gradient";
    case Op::kRmsNormWeightGradient:
      return "rms_norm_weight_gradient";
    case Op::kLinearWeightGradient:
      return "linear_weight_gradient";
  }
  return "unknown";
}

std::string Graph::ToString() const {
  std::string text;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    const Parameter* const parameter =
        node.parameter == kNone ? nullptr : &parameters[static_cast<size_t>(node.parameter)];
    const bool adds_to_gradient = node.shape.cols == 0;
    if (adds_to_gradient) {
      text += fmt::format("{} {} += {}(", parameter->name, parameter->shape.ToString(), OpName(node.op));
    } else {
      text += fmt::format("%{} [{}, {}] = {}(", i, node.shape.rows == Rows::kTokens ? "T" : "R", node.shape.cols,
                          OpName(node.op));
    }
    for (size_t k = 0; k < node.inputs.size(); ++k) text += fmt::format("{}%{}", k == 0 ? "" : ", ", node.inputs[k]);
    if (parameter != nullptr && !adds_to_gradient) {
      text += fmt::format("{}{} {}", node.inputs.empty() ? "" : ", ", parameter->name, parameter->shape.ToString());
    }
    text += ")\n";
  }
  return text + fmt::format("return %{}\n", output);
}

}  // namespace tenfold::graph
