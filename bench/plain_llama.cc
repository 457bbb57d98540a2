#include "plain_llama.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::bench {
namespace {

using tensor::DataType;

// The tensor as rows of f32, rounded through `type` if its rows are whole blocks of it.
Floats LoadRows(const model::Checkpoint& checkpoint, const std::string& name, std::optional<DataType> type) {
  const model::CheckpointTensor tensor = checkpoint.Tensor(name).value();
  const auto rows = static_cast<size_t>(tensor.view.shape.rows());
  const auto cols = static_cast<size_t>(tensor.view.shape.cols());
  Floats values(rows * cols);
  for (size_t r = 0; r < rows; ++r) {
    const std::span<float> row = std::span(values).subspan(r * cols, cols);
    const auto source = static_cast<int64_t>(tensor.row_order.empty() ? static_cast<int32_t>(r) : tensor.row_order[r]);
    tensor::DequantizeRow(tensor.view.type, tensor.view.row(source), row);
    if (!type || tensor.view.shape.cols() % tensor::Traits(*type).block_elements != 0) continue;
    std::vector<std::byte> blocks(tensor::RowBytes(*type, tensor.view.shape.cols()));
    tensor::QuantizeRow(*type, row, blocks.data());
    tensor::DequantizeRow(*type, blocks.data(), row);
  }
  return values;
}

Matrix LoadMatrix(const model::Checkpoint& checkpoint, const std::string& name, std::optional<DataType> type) {
  const Floats rows = LoadRows(checkpoint, name, type);
  const auto cols = static_cast<size_t>(checkpoint.Tensor(name).value().view.shape.cols());
  Matrix matrix = {rows.size() / cols, cols, Floats(rows.size())};
  for (size_t i = 0; i < rows.size(); ++i) matrix.transposed[i % cols * matrix.rows + i / cols] = rows[i];
  return matrix;
}

// The forward pass over one window, all positions; rows of activations lie one after the other.
class WindowPass {
 public:
  WindowPass(const Llama& llama, const RoundInput& round_input) : llama_(&llama), round_input_(&round_input) {}

  Score Run(std::span<const TokenId> tokens) {
    const model::ModelConfig& config = llama_->config;
    const auto head_dim = static_cast<size_t>(config.head_dim);
    Floats x;
    for (const TokenId token : tokens) {
      for (size_t k = 0; k < llama_->embedding.cols; ++k) {
        x.push_back(llama_->embedding.transposed[k * llama_->embedding.rows + static_cast<size_t>(token)]);
      }
    }
    for (const Layer& layer : llama_->layers) {
      Floats h = Norm(x, layer.attn_norm);
      const Floats q = Rotate(Linear(layer.q, h), layer.q.rows, head_dim);
      const Floats k = Rotate(Linear(layer.k, h), layer.k.rows, head_dim);
      Add(x, Linear(layer.output, Attend(q, k, Linear(layer.v, h), tokens.size())));
      h = Norm(x, layer.ffn_norm);
      Floats gate = Linear(layer.gate, h);
      const Floats up = Linear(layer.up, h);
      for (size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      Add(x, Linear(layer.down, gate));
    }
    const Floats logits = Linear(llama_->head, Norm(x, llama_->output_norm));
    for (size_t t = 1; t < tokens.size(); ++t) {
      const auto row = std::span(logits).subspan((t - 1) * llama_->head.rows, llama_->head.rows);
      double sum = 0;
      for (const float logit : row) sum += std::exp(static_cast<double>(logit));
      score_.nll += std::log(sum) - static_cast<double>(row[static_cast<size_t>(tokens[t])]);
    }
    return score_;
  }

 private:
  Floats Linear(const Matrix& matrix, const Floats& x) {
    const size_t num_rows = x.size() / matrix.cols;
    Floats y(num_rows * matrix.rows);
    Floats exact(matrix.rows);
    for (size_t t = 0; t < num_rows; ++t) {
      Floats row(x.begin() + static_cast<int64_t>(t * matrix.cols),
                 x.begin() + static_cast<int64_t>((t + 1) * matrix.cols));
      float* const out = y.data() + t * matrix.rows;
      matrix.Multiply(row.data(), exact.data());
      (*round_input_)(row);
      matrix.Multiply(row.data(), out);
      for (size_t n = 0; n < matrix.rows; ++n) {
        score_.squared_error += std::pow(static_cast<double>(out[n]) - static_cast<double>(exact[n]), 2);
        score_.squared_output += std::pow(static_cast<double>(exact[n]), 2);
      }
    }
    return y;
  }

  Floats Norm(const Floats& x, const Floats& weight) const {
    Floats y(x.size());
    for (size_t begin = 0; begin < x.size(); begin += weight.size()) {
      double squares = 0;
      for (size_t i = 0; i < weight.size(); ++i) squares += std::pow(static_cast<double>(x[begin + i]), 2);
      const double mean = squares / static_cast<double>(weight.size());
      const auto scale = static_cast<float>(1 / std::sqrt(mean + llama_->config.norm_epsilon));
      for (size_t i = 0; i < weight.size(); ++i) y[begin + i] = x[begin + i] * scale * weight[i];
    }
    return y;
  }

  // Turns the pairs (i, i + half) of each head by the angles of its row's position.
  Floats Rotate(Floats x, size_t row_size, size_t head_dim) const {
    const size_t half = llama_->frequencies.size();
    for (size_t head = 0; head < x.size(); head += head_dim) {
      for (size_t i = 0; i < half; ++i) {
        const double angle = static_cast<double>(head / row_size) * llama_->frequencies[i];
        const auto cosine = static_cast<float>(std::cos(angle));
        const auto sine = static_cast<float>(std::sin(angle));
        const float a = x[head + i];
        const float b = x[head + i + half];
        x[head + i] = a * cosine - b * sine;
        x[head + i + half] = a * sine + b * cosine;
      }
    }
    return x;
  }

  Floats Attend(const Floats& q, const Floats& k, const Floats& v, size_t num_tokens) const {
    const auto dim = static_cast<size_t>(llama_->config.head_dim);
    const auto num_heads = static_cast<size_t>(llama_->config.num_heads);
    const auto num_kv_heads = static_cast<size_t>(llama_->config.num_kv_heads);
    const float scale = 1 / std::sqrt(static_cast<float>(dim));
    Floats out(q.size());
    Floats weights(num_tokens);
    for (size_t t = 0; t < num_tokens; ++t) {
      for (size_t head = 0; head < num_heads; ++head) {
        const size_t kv = head / (num_heads / num_kv_heads) * dim;
        const size_t own = (t * num_heads + head) * dim;
        float greatest = -INFINITY;
        for (size_t s = 0; s <= t; ++s) {
          float dot = 0;
          for (size_t i = 0; i < dim; ++i) dot += q[own + i] * k[s * num_kv_heads * dim + kv + i];
          weights[s] = dot * scale;
          greatest = std::max(greatest, weights[s]);
        }
        float sum = 0;
        for (size_t s = 0; s <= t; ++s) sum += weights[s] = std::exp(weights[s] - greatest);
        for (size_t s = 0; s <= t; ++s) {
          for (size_t i = 0; i < dim; ++i) out[own + i] += weights[s] / sum * v[s * num_kv_heads * dim + kv + i];
        }
      }
    }
    return out;
  }

  static void Add(Floats& x, const Floats& y) {
    for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }

  const Llama* llama_;
  const RoundInput* round_input_;
  Score score_;
};

}  // namespace

void Matrix::Multiply(const float* x, float* y) const {
  std::fill(y, y + rows, 0.0f);
  for (size_t k = 0; k < cols; ++k) {
    const float* const column = transposed.data() + k * rows;
    for (size_t n = 0; n < rows; ++n) y[n] += x[k] * column[n];
  }
}

Llama LoadLlama(const model::Checkpoint& checkpoint, std::optional<DataType> type) {
  const model::ModelConfig& config = checkpoint.config();
  const auto matrix = [&](const std::string& name) { return LoadMatrix(checkpoint, name, type); };
  Llama llama = {config,
                 model::RotaryFrequencies(config.rotary),
                 matrix("token_embd.weight"),
                 matrix(config.tied_head ? "token_embd.weight" : "output.weight"),
                 LoadRows(checkpoint, "output_norm.weight", {}),
                 {}};
  for (int64_t i = 0; i < config.num_layers; ++i) {
    const auto name = [&](const char* part) { return fmt::format("blk.{}.{}.weight", i, part); };
    llama.layers.push_back({LoadRows(checkpoint, name("attn_norm"), {}), LoadRows(checkpoint, name("ffn_norm"), {}),
                            matrix(name("attn_q")), matrix(name("attn_k")), matrix(name("attn_v")),
                            matrix(name("attn_output")), matrix(name("ffn_gate")), matrix(name("ffn_up")),
                            matrix(name("ffn_down"))});
  }
  return llama;
}

Score ScoreWindow(const Llama& llama, std::span<const TokenId> tokens, const RoundInput& round_input) {
  return WindowPass(llama, round_input).Run(tokens);
}

}  // namespace tenfold::bench
