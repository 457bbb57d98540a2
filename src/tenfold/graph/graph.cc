#include "tenfold/graph/graph.h"

#include <fmt/format.h>

namespace tenfold::graph {

const char* OpName(Op op) {
  switch (op) {
    case Op::kEmbedding:
      return "embedding";
    case Op::kRmsNorm:
      return "rms_norm";
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
    case Op::kAdd:
      return "add";
    case Op::kSelectRows:
      return "select_rows";
  }
  return "unknown";
}

std::string Graph::ToString() const {
  std::string text;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    text += fmt::format("%{} [{}, {}] = {}(", i, node.shape.rows == Rows::kTokens ? "T" : "R", node.shape.cols,
                        OpName(node.op));
    for (size_t k = 0; k < node.inputs.size(); ++k) text += fmt::format("{}%{}", k == 0 ? "" : ", ", node.inputs[k]);
    if (node.parameter != kNone) {
      const Parameter& parameter = parameters[static_cast<size_t>(node.parameter)];
      text += fmt::format("{}{} {}", node.inputs.empty() ? "" : ", ", parameter.name, parameter.shape.ToString());
    }
    text += ")\n";
  }
  return text + fmt::format("return %{}\n", output);
}

}  // namespace tenfold::graph
