#include "tenfold/graph/reference_interpreter.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/graph/dropout.h"

namespace tenfold::graph {
namespace {

template <class Scalar>
Scalar Sigmoid(Scalar x) {
  return 1 / (1 + std::exp(-x));
}

// log(sum(exp(x))) of `count` numbers.
template <class Scalar>
Scalar LogSumExp(const Scalar* x, int64_t count) {
  const Scalar greatest = *std::max_element(x, x + count);
  Scalar sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::exp(x[i] - greatest);
  return greatest + std::log(sum);
}

template <class Scalar>
Scalar Dot(const Scalar* a, const Scalar* b, int64_t count) {
  Scalar sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// to += factor * from
template <class Scalar>
void AddMultiple(Scalar factor, const Scalar* from, int64_t count, Scalar* to) {
  for (int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

// 1 / sqrt(mean(x^2) + epsilon)
template <class Scalar>
Scalar InverseRms(const Scalar* x, int64_t cols, float epsilon) {
  return 1 / std::sqrt(Dot(x, x, cols) / static_cast<Scalar>(cols) + static_cast<Scalar>(epsilon));
}

// Of a row, for layer normalization.
template <class Scalar>
struct Moments {
  Scalar mean = 0;
  Scalar inverse_deviation = 0;

  Moments(const Scalar* x, int64_t count, float epsilon) {
    for (int64_t i = 0; i < count; ++i) mean += x[i] / static_cast<Scalar>(count);
    Scalar variance = 0;
    for (int64_t i = 0; i < count; ++i) variance += (x[i] - mean) * (x[i] - mean) / static_cast<Scalar>(count);
    inverse_deviation = 1 / std::sqrt(variance + static_cast<Scalar>(epsilon));
  }
  Scalar Normalized(Scalar x) const { return (x - mean) * inverse_deviation; }
};

constexpr double kGeluFactor = 0.7978845608028654;  // sqrt(2 / pi)
constexpr double kGeluCubic = 0.044715;

template <class Scalar>
Scalar GeluArgument(Scalar x) {
  return static_cast<Scalar>(kGeluFactor * (x + kGeluCubic * x * x * x));
}

}  // namespace

template <class Scalar>
ReferenceInterpreter<Scalar>::ReferenceInterpreter(const Graph& graph, Tensors parameters)
    : graph_(&graph), parameters_(std::move(parameters)), values_(graph.nodes.size()) {
  for (const Parameter& parameter : graph.parameters) {
    const auto found = parameters_.find(parameter.name);
    CHECK_MSG(found != parameters_.end(), "no parameter {}", parameter.name);
    CHECK_EQ(static_cast<int64_t>(found->second.size()), parameter.shape.num_elements());
  }
}

template <class Scalar>
const std::vector<Scalar>& ReferenceInterpreter<Scalar>::parameter(const Node& n) const {
  return parameters_.at(graph_->parameters[static_cast<size_t>(n.parameter)].name);
}

template <class Scalar>
int64_t ReferenceInterpreter<Scalar>::num_rows(const Node& n) const {
  return static_cast<int64_t>(n.shape.rows == Rows::kTokens ? batch_->tokens.size() : batch_->target_rows.size());
}

template <class Scalar>
void ReferenceInterpreter<Scalar>::Run(const TrainingBatch& batch, NodeId num_nodes) {
  batch_ = &batch;
  positions_.clear();
  for (const int64_t length : batch.sequence_lengths) {
    for (int64_t position = 0; position < length; ++position) positions_.push_back(position);
  }
  CHECK_EQ(positions_.size(), batch.tokens.size());
  gradients_.clear();
  for (NodeId id = 0; id < num_nodes; ++id) {
    const Node& n = node(id);
    if (n.shape.cols == 0) {
      AddParameterGradient(n);
      continue;
    }
    std::vector<Scalar>& out = values_[static_cast<size_t>(id)];
    out.assign(static_cast<size_t>(num_rows(n) * n.shape.cols), 0);
    RunNode(n, out);
  }
}

template <class Scalar>
void ReferenceInterpreter<Scalar>::RunNode(const Node& n, std::vector<Scalar>& out) {
  switch (n.op) {
    case Op::kTrainingAttention:
      return RunAttention(n, out);
    case Op::kAttentionGradient:
      return RunAttentionGradient(n, out);
    case Op::kRotary:
      return RunRotation(n, /*back=*/false, out);
    case Op::kRotaryGradient:
      return RunRotation(n, /*back=*/true, out);
    case Op::kScatterRows:
      for (size_t r = 0; r < batch_->target_rows.size(); ++r) {
        AddMultiple<Scalar>(1, row(n.inputs[0], static_cast<int64_t>(r)), n.shape.cols,
                            out.data() + batch_->target_rows[r] * n.shape.cols);
      }
      return;
    default:
      break;
  }
  const int64_t width = n.shape.cols;
  for (int64_t r = 0; r < num_rows(n); ++r) {
    Scalar* const y = out.data() + r * width;
    const auto x = [&](size_t i) { return row(n.inputs[i], r); };
    switch (n.op) {
      case Op::kEmbedding:
        std::copy_n(parameter(n).data() + batch_->tokens[static_cast<size_t>(r)] * width, width, y);
        break;
      case Op::kRmsNorm: {
        const Scalar inverse = InverseRms(x(0), width, n.attributes.epsilon);
        for (int64_t i = 0; i < width; ++i) y[i] = x(0)[i] * inverse * parameter(n)[static_cast<size_t>(i)];
        break;
      }
      case Op::kPositionEmbedding:
        std::copy_n(parameter(n).data() + position(r) * width, width, y);
        break;
      case Op::kLayerNorm: {
        const Moments<Scalar> moments(x(0), width, n.attributes.epsilon);
        for (int64_t i = 0; i < width; ++i) y[i] = moments.Normalized(x(0)[i]) * parameter(n)[static_cast<size_t>(i)];
        break;
      }
      case Op::kGelu:
        for (int64_t i = 0; i < width; ++i) y[i] = x(0)[i] / 2 * (1 + std::tanh(GeluArgument(x(0)[i])));
        break;
      case Op::kAddVector:
        for (int64_t i = 0; i < width; ++i) y[i] = x(0)[i] + parameter(n)[static_cast<size_t>(i)];
        break;
      case Op::kLinear: {
        const int64_t num_inputs = cols(n.inputs[0]);
        for (int64_t i = 0; i < width; ++i) y[i] = Dot(parameter(n).data() + i * num_inputs, x(0), num_inputs);
        break;
      }
      case Op::kRotaryAngles: {
        const size_t half = graph_->rotary_frequencies.size();
        for (size_t i = 0; i < half; ++i) {
          const double angle = static_cast<double>(position(r)) * graph_->rotary_frequencies[i];
          y[i] = static_cast<Scalar>(std::cos(angle) * graph_->rotary_scale);
          y[half + i] = static_cast<Scalar>(std::sin(angle) * graph_->rotary_scale);
        }
        break;
      }
      case Op::kSiluMultiply:
        for (int64_t i = 0; i < width; ++i) y[i] = x(0)[i] * Sigmoid(x(0)[i]) * x(1)[i];
        break;
      case Op::kAdd:
        for (int64_t i = 0; i < width; ++i) y[i] = x(0)[i] + x(1)[i];
        break;
      case Op::kSelectRows:
        std::copy_n(row(n.inputs[0], batch_->target_rows[static_cast<size_t>(r)]), width, y);
        break;
      case Op::kColumns:
        std::copy_n(x(0) + n.attributes.first_col, width, y);
        break;
      case Op::kPlaceColumns:
        std::copy_n(x(0), cols(n.inputs[0]), y + n.attributes.first_col);
        break;
      case Op::kDropout:
        if (batch_->dropout_seed) {
          DropOut(*batch_->dropout_seed, n.attributes.stream, n.attributes.probability, r, x(0), width, y);
        } else {
          std::copy_n(x(0), width, y);
        }
        break;
      case Op::kCrossEntropy: {
        const Scalar normalizer = LogSumExp(x(0), cols(n.inputs[0]));
        y[0] = normalizer - x(0)[batch_->targets[static_cast<size_t>(r)]];
        y[0] += static_cast<Scalar>(n.attributes.z_loss) * normalizer * normalizer;
        break;
      }
      case Op::kCrossEntropyGradient: {
        const Scalar normalizer = LogSumExp(x(0), width);
        const auto scale = static_cast<Scalar>(batch_->gradient_scale);
        const Scalar factor = scale * (1 + 2 * static_cast<Scalar>(n.attributes.z_loss) * normalizer);
        for (int64_t i = 0; i < width; ++i) y[i] = factor * std::exp(x(0)[i] - normalizer);
        y[batch_->targets[static_cast<size_t>(r)]] -= scale;
        break;
      }
      case Op::kLinearInputGradient: {
        const int64_t num_outputs = cols(n.inputs[0]);
        for (int64_t o = 0; o < num_outputs; ++o) AddMultiple(x(0)[o], parameter(n).data() + o * width, width, y);
        break;
      }
      case Op::kLayerNormInputGradient: {
        // y = z w with z = (x - mean) s:  dx = s (g - mean(g) - z mean(g z)) with g = w dy
        const Moments<Scalar> moments(x(0), width, n.attributes.epsilon);
        Scalar sum = 0, sum_z = 0;
        for (int64_t i = 0; i < width; ++i) {
          y[i] = parameter(n)[static_cast<size_t>(i)] * x(1)[i];
          sum += y[i];
          sum_z += y[i] * moments.Normalized(x(0)[i]);
        }
        for (int64_t i = 0; i < width; ++i) {
          y[i] = moments.inverse_deviation *
                 (y[i] - (sum + moments.Normalized(x(0)[i]) * sum_z) / static_cast<Scalar>(width));
        }
        break;
      }
      case Op::kGeluGradient:
        for (int64_t i = 0; i < width; ++i) {
          const Scalar z = x(0)[i];
          const Scalar tanh = std::tanh(GeluArgument(z));
          const Scalar slope = static_cast<Scalar>(kGeluFactor * (1 + 3 * kGeluCubic * z * z));
          y[i] = x(1)[i] * ((1 + tanh) / 2 + z / 2 * (1 - tanh * tanh) * slope);
        }
        break;
      case Op::kRmsNormInputGradient: {
        // y = x s w with s = (mean(x^2) + e)^-1/2:  dx = s (w dy) - s^3 / n * x * sum(x w dy)
        const Scalar s = InverseRms(x(0), width, n.attributes.epsilon);
        Scalar sum = 0;
        for (int64_t i = 0; i < width; ++i) sum += x(0)[i] * parameter(n)[static_cast<size_t>(i)] * x(1)[i];
        const Scalar factor = s * s * s / static_cast<Scalar>(width) * sum;
        for (int64_t i = 0; i < width; ++i) {
          y[i] = s * parameter(n)[static_cast<size_t>(i)] * x(1)[i] - factor * x(0)[i];
        }
        break;
      }
      case Op::kSiluMultiplyGateGradient:
        for (int64_t i = 0; i < width; ++i) {
          const Scalar sigmoid = Sigmoid(x(0)[i]);
          y[i] = x(2)[i] * x(1)[i] * sigmoid * (1 + x(0)[i] * (1 - sigmoid));
        }
        break;
      case Op::kSiluMultiplyUpGradient:
        for (int64_t i = 0; i < width; ++i) y[i] = x(1)[i] * x(0)[i] * Sigmoid(x(0)[i]);
        break;
      default:
        CHECK_MSG(false, "{} is not for training", OpName(n.op));
    }
  }
}

template <class Scalar>
void ReferenceInterpreter<Scalar>::AddParameterGradient(const Node& n) {
  std::vector<Scalar>& gradient = gradients_[graph_->parameters[static_cast<size_t>(n.parameter)].name];
  gradient.resize(parameter(n).size(), 0);
  const NodeId dy = n.inputs.back();
  const int64_t width = cols(dy);
  for (int64_t r = 0; r < num_rows(n); ++r) {
    switch (n.op) {
      case Op::kEmbeddingWeightGradient:
        AddMultiple<Scalar>(1, row(dy, r), width, gradient.data() + batch_->tokens[static_cast<size_t>(r)] * width);
        break;
      case Op::kPositionEmbeddingWeightGradient:
        AddMultiple<Scalar>(1, row(dy, r), width, gradient.data() + position(r) * width);
        break;
      case Op::kAddVectorWeightGradient:
        AddMultiple<Scalar>(1, row(dy, r), width, gradient.data());
        break;
      case Op::kLayerNormWeightGradient: {
        const Scalar* const x = row(n.inputs[0], r);
        const Moments<Scalar> moments(x, width, n.attributes.epsilon);
        for (int64_t i = 0; i < width; ++i)
          gradient[static_cast<size_t>(i)] += moments.Normalized(x[i]) * row(dy, r)[i];
        break;
      }
      case Op::kRmsNormWeightGradient: {
        const Scalar* const x = row(n.inputs[0], r);
        const Scalar inverse = InverseRms(x, width, n.attributes.epsilon);
        for (int64_t i = 0; i < width; ++i) gradient[static_cast<size_t>(i)] += x[i] * inverse * row(dy, r)[i];
        break;
      }
      case Op::kLinearWeightGradient: {
        const int64_t num_inputs = cols(n.inputs[0]);
        for (int64_t o = 0; o < width; ++o) {
          AddMultiple(row(dy, r)[o], row(n.inputs[0], r), num_inputs, gradient.data() + o * num_inputs);
        }
        break;
      }
      default:
        CHECK_MSG(false, "{} adds to no gradient", OpName(n.op));
    }
  }
}

template <class Scalar>
void ReferenceInterpreter<Scalar>::RunRotation(const Node& n, bool back, std::vector<Scalar>& out) const {
  const auto half = static_cast<int64_t>(graph_->rotary_frequencies.size());
  for (int64_t r = 0; r < num_rows(n); ++r) {
    const Scalar* const angles = row(n.inputs[1], r);
    for (int64_t head = 0; head < n.shape.cols; head += n.attributes.head_dim) {
      const Scalar* const x = row(n.inputs[0], r) + head;
      Scalar* const y = out.data() + r * n.shape.cols + head;
      std::copy_n(x, n.attributes.head_dim, y);
      for (int64_t i = 0; i < half; ++i) {
        const Scalar cosine = angles[i], sine = back ? -angles[half + i] : angles[half + i];
        y[i] = x[i] * cosine - x[half + i] * sine;
        y[half + i] = x[half + i] * cosine + x[i] * sine;
      }
    }
  }
}

template <class Scalar>
void ReferenceInterpreter<Scalar>::RunAttention(const Node& n, std::vector<Scalar>& out) const {
  const Attributes& a = n.attributes;
  const auto scale = static_cast<Scalar>(a.scale);
  int64_t begin = 0;
  for (const int64_t length : batch_->sequence_lengths) {
    for (int64_t t = begin; t < begin + length; ++t) {
      Scalar* const y = out.data() + t * n.shape.cols;
      for (int64_t head = 0; head < a.num_heads; ++head) {
        const int64_t kv_offset = head / (a.num_heads / a.num_kv_heads) * a.head_dim;
        const Scalar* const query = row(n.inputs[0], t) + head * a.head_dim;
        std::vector<Scalar> scores;
        for (int64_t s = begin; s <= t; ++s) {
          scores.push_back(scale * Dot(query, row(n.inputs[1], s) + kv_offset, a.head_dim));
        }
        const Scalar lse = LogSumExp(scores.data(), static_cast<int64_t>(scores.size()));
        for (int64_t s = begin; s <= t; ++s) {
          AddMultiple(std::exp(scores[static_cast<size_t>(s - begin)] - lse), row(n.inputs[2], s) + kv_offset,
                      a.head_dim, y + head * a.head_dim);
        }
        y[a.num_heads * a.head_dim + head] = lse;
      }
    }
    begin += length;
  }
}

// P = exp(scale q·k - lse);  dv += P dy;  dP = dy·v;  dS = P (dP - dy·y);  dq += scale dS k;  dk += scale dS q
// (FlashAttention, NeurIPS 2022, appendix B.4).
template <class Scalar>
void ReferenceInterpreter<Scalar>::RunAttentionGradient(const Node& n, std::vector<Scalar>& out) const {
  const Attributes& a = n.attributes;
  const auto scale = static_cast<Scalar>(a.scale);
  const int64_t keys_col = a.num_heads * a.head_dim;
  const int64_t values_col = keys_col + a.num_kv_heads * a.head_dim;
  int64_t begin = 0;
  for (const int64_t length : batch_->sequence_lengths) {
    for (int64_t t = begin; t < begin + length; ++t) {
      for (int64_t head = 0; head < a.num_heads; ++head) {
        const int64_t offset = head * a.head_dim;
        const int64_t kv_offset = head / (a.num_heads / a.num_kv_heads) * a.head_dim;
        const Scalar* const query = row(n.inputs[0], t) + offset;
        const Scalar* const y = row(n.inputs[3], t) + offset;
        const Scalar lse = row(n.inputs[3], t)[a.num_heads * a.head_dim + head];
        const Scalar* const dy = row(n.inputs[4], t) + offset;
        const Scalar dy_y = Dot(dy, y, a.head_dim);
        for (int64_t s = begin; s <= t; ++s) {
          const Scalar* const key = row(n.inputs[1], s) + kv_offset;
          const Scalar* const value = row(n.inputs[2], s) + kv_offset;
          const Scalar p = std::exp(scale * Dot(query, key, a.head_dim) - lse);
          const Scalar ds = scale * p * (Dot(dy, value, a.head_dim) - dy_y);
          AddMultiple(ds, key, a.head_dim, out.data() + t * n.shape.cols + offset);
          AddMultiple(ds, query, a.head_dim, out.data() + s * n.shape.cols + keys_col + kv_offset);
          AddMultiple(p, dy, a.head_dim, out.data() + s * n.shape.cols + values_col + kv_offset);
        }
      }
    }
    begin += length;
  }
}

template class ReferenceInterpreter<float>;
template class ReferenceInterpreter<double>;

}  // namespace tenfold::graph
