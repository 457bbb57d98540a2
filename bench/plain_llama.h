// A llama forward pass written to be read, independent of kernels/ and graph/: f32 with plain loops, whole windows,
// every position scored. What a measurement changes it passes in: a function that sees the input of every matrix
// product.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/tensor/data_type.h"

namespace tenfold::bench {

using Floats = std::vector<float>;

// A matrix, held as [cols][rows] so that the sums of all rows advance together.
struct Matrix {
  size_t rows, cols;
  Floats transposed;

  // y [rows] = matrix * x [cols].
  void Multiply(const float* x, float* y) const;
};

struct Layer {
  Floats attn_norm, ffn_norm;
  Matrix q, k, v, output, gate, up, down;
};

struct Llama {
  model::ModelConfig config;
  std::vector<double> frequencies;
  Matrix embedding, head;
  Floats output_norm;
  std::vector<Layer> layers;
};

// Matrices are as the checkpoint has them, or rounded through `type` where their rows are whole blocks of it.
Llama LoadLlama(const model::Checkpoint& checkpoint, std::optional<tensor::DataType> type);

// What one window, or many, add up to.
struct Score {
  double nll = 0;
  double squared_error = 0;  // of the products' outputs, against the product of the input that was not rounded
  double squared_output = 0;
};

// Rounds the input row of a matrix product in place.
using RoundInput = std::function<void(std::span<float>)>;

// Scores every token of a window but the first.
Score ScoreWindow(const Llama& llama, std::span<const TokenId> tokens, const RoundInput& round_input);

}  // namespace tenfold::bench
