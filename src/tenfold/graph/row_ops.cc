#include "tenfold/graph/row_ops.h"

#include <algorithm>
#include <cmath>

#include "tenfold/base/check.h"

namespace tenfold::graph {

void ComputeRow(const kernels::KernelTable& kernels, const Node& n, const RowOperands& operands, float* y) {
  const int64_t cols = n.shape.cols;
  switch (n.op) {
    case Op::kRmsNorm:
      return kernels.rms_norm(operands.x, operands.vector, n.attributes.epsilon, cols, y);
    case Op::kLayerNorm:
      return kernels.layer_norm(operands.x, operands.vector, n.attributes.epsilon, cols, y);
    case Op::kRotary:
      return RotateHeads(kernels.rotate_head, n, operands, y);
    case Op::kSiluMultiply:
      return kernels.silu_multiply(operands.x, operands.second, cols, y);
    case Op::kGelu:
      return kernels.gelu(operands.x, cols, y);
    case Op::kAdd:
      return kernels.add(operands.x, operands.second, cols, y);
    case Op::kAddVector:
      return kernels.add(operands.x, operands.vector, cols, y);
    case Op::kColumns:
      std::copy_n(operands.x + n.attributes.first_col, cols, y);
      return;
    default:
      CHECK_MSG(false, "{} does not work row by row", OpName(n.op));
  }
}

void RotateHeads(void (*rotate)(const float* x, const float* angles, int64_t half, float* y), const Node& n,
                 const RowOperands& operands, float* y) {
  const float* const x = operands.x;
  const int64_t half = operands.num_frequencies, head_dim = n.attributes.head_dim;
  for (int64_t head = 0; head < n.shape.cols; head += head_dim) {
    rotate(x + head, operands.second, half, y + head);
    if (x != y) std::copy(x + head + 2 * half, x + head + head_dim, y + head + 2 * half);
  }
}

void ComputeRotaryAngles(const Graph& graph, int64_t position, float* angles) {
  const size_t half = graph.rotary_frequencies.size();
  for (size_t i = 0; i < half; ++i) {
    const double angle = static_cast<double>(position) * graph.rotary_frequencies[i];
    angles[i] = static_cast<float>(std::cos(angle) * graph.rotary_scale);
    angles[half + i] = static_cast<float>(std::sin(angle) * graph.rotary_scale);
  }
}

}  // namespace tenfold::graph
