#include "tenfold/kernels/ref/reference.h"

#include <algorithm>
#include <cmath>

#include "tenfold/tensor/half.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::kernels::ref {

std::vector<double> Matmul(const tensor::TensorView& weights, const std::vector<float>& x, int64_t rows,
                           std::vector<double>* magnitudes) {
  const auto num_outputs = static_cast<size_t>(weights.shape.rows());
  const auto cols = static_cast<size_t>(weights.shape.cols());
  std::vector<double> y(static_cast<size_t>(rows) * num_outputs);
  if (magnitudes != nullptr) magnitudes->assign(y.size(), 0.0);
  std::vector<float> row(cols);
  for (size_t n = 0; n < num_outputs; ++n) {
    tensor::DequantizeRow(weights.type, weights.row(static_cast<int64_t>(n)), row);
    for (size_t m = 0; m < static_cast<size_t>(rows); ++m) {
      for (size_t k = 0; k < cols; ++k) {
        const double term = static_cast<double>(x[m * cols + k]) * static_cast<double>(row[k]);
        y[m * num_outputs + n] += term;
        if (magnitudes != nullptr) (*magnitudes)[m * num_outputs + n] += std::abs(term);
      }
    }
  }
  return y;
}

std::vector<float> RoundLikePackedRows(RowFormat format, const std::vector<float>& x, int64_t cols) {
  std::vector<float> rounded = x;
  if (format == RowFormat::kF32) return rounded;
  if (format == RowFormat::kBf16) {
    for (float& v : rounded) v = ToFloat(tensor::ToBf16(v));
    return rounded;
  }
  // The least (4 + i) * 2^n, i below 4, that is not below `number`.
  const auto round_up = [](float number) {
    const float power = std::exp2(std::floor(std::log2(number)) - 2);
    return std::ceil(number / power) * power;
  };
  const auto greatest_magnitude = [&](size_t begin, size_t end) {
    float greatest = 0;
    for (size_t i = begin; i < end; ++i) greatest = std::max(greatest, std::abs(x[i]));
    return greatest;
  };
  const auto width = static_cast<size_t>(cols);
  for (size_t row = 0; row < x.size(); row += width) {
    const float row_scale = greatest_magnitude(row, row + width) / 127;
    const float least = std::max(0x1p-124f, std::exp2(std::floor(std::log2(row_scale)) - 40));
    for (size_t begin = row; begin < row + width; begin += 32) {
      const size_t end = std::min(begin + 32, row + width);
      const float scale = std::max(least, round_up(greatest_magnitude(begin, end) / 127));
      const float to_integer = 1 / scale;
      for (size_t i = begin; i < end; ++i) rounded[i] = std::nearbyint(x[i] * to_integer) * scale;
    }
  }
  return rounded;
}

std::vector<double> RmsNorm(const std::vector<float>& x, const std::vector<float>& weight, double epsilon) {
  double squares = 0;
  for (const float v : x) squares += static_cast<double>(v) * static_cast<double>(v);
  const double scale = 1.0 / std::sqrt(squares / static_cast<double>(x.size()) + epsilon);
  std::vector<double> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<double>(x[i]) * scale * static_cast<double>(weight[i]);
  return y;
}

std::vector<double> Attention(const std::vector<float>& queries, const std::vector<float>& keys,
                              const std::vector<float>& values, int64_t head_dim, double scale) {
  const auto dim = static_cast<size_t>(head_dim);
  const size_t num_queries = queries.size() / dim, num_keys = keys.size() / dim;
  std::vector<double> outputs(queries.size());
  for (size_t q = 0; q < num_queries; ++q) {
    const size_t visible = num_keys - num_queries + q + 1;
    std::vector<double> scores(visible);
    for (size_t k = 0; k < visible; ++k) {
      for (size_t d = 0; d < dim; ++d) {
        scores[k] += static_cast<double>(queries[q * dim + d]) * static_cast<double>(keys[k * dim + d]) * scale;
      }
    }
    const double maximum = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - maximum);
    for (size_t k = 0; k < visible; ++k) {
      for (size_t d = 0; d < dim; ++d)
        outputs[q * dim + d] += scores[k] / sum * static_cast<double>(values[k * dim + d]);
    }
  }
  return outputs;
}

}  // namespace tenfold::kernels::ref
