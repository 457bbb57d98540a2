// Blocks of several architectures, wide and long enough that everything has several pieces, and their execution: for
// tests of the executor of training graphs and of passes over them.
#pragma once

#include <cmath>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tenfold/graph/builder.h"
#include "tenfold/graph/gradient_check_for_test.h"
#include "tenfold/graph/training_executor.h"

namespace tenfold::graph {

inline Graph WideLlama(int num_layers = 2) {
  GraphBuilder g;
  constexpr int64_t kHidden = 80, kHeadDim = 20;
  const Value angles = g.RotaryAngles({1.0, 0.3, 0.1, 0.03, 0.01}, 1.1);
  Value x = g.Embedding("table", 300, kHidden);
  for (int layer = 0; layer < num_layers; ++layer) {
    const auto name = [&](const char* of) { return std::to_string(layer) + "." + of; };
    const Value h = g.RmsNorm(x, name("norm"), 1e-5);
    const Value q = g.Rotary(g.Linear(h, name("q"), 4 * kHeadDim), angles, kHeadDim);
    const Value k = g.Rotary(g.Linear(h, name("k"), 2 * kHeadDim), angles, kHeadDim);
    const Value v = g.Linear(h, name("v"), 2 * kHeadDim);
    const Value attended = g.Attention(q, k, v, layer, {4, 2, kHeadDim, 1 / std::sqrt(20.0)});
    x = g.Add(x, g.Linear(attended, name("o"), kHidden));
    const Value m = g.RmsNorm(x, name("ffn_norm"), 1e-5);
    const Value gated = g.SiluMultiply(g.Linear(m, name("gate"), 100), g.Linear(m, name("up"), 100));
    x = g.Add(x, g.Linear(gated, name("down"), kHidden));
  }
  return std::move(g).Finish(g.Linear(g.SelectRows(g.RmsNorm(x, "last", 1e-5)), "table", 300));
}

inline Graph WideGpt2() {
  GraphBuilder g;
  constexpr int64_t kHidden = 48;
  Value x = g.Add(g.Embedding("table", 300, kHidden), g.PositionEmbedding("positions", 256, kHidden));
  const Value h = g.AddVector(g.LayerNorm(x, "norm", 1e-5), "norm.bias");
  const Value qkv = g.AddVector(g.Linear(h, "qkv", 3 * kHidden), "qkv.bias");
  const auto part = [&](int64_t i) { return g.Columns(qkv, i * kHidden, kHidden); };
  x = g.Add(x, g.Linear(g.Attention(part(0), part(1), part(2), 0, {3, 3, 16, 0.25}), "o", kHidden));
  const Value m = g.LayerNorm(x, "ffn_norm", 1e-5);
  x = g.Add(x, g.Linear(g.Gelu(g.AddVector(g.Linear(m, "up", 100), "up.bias")), "down", kHidden));
  return std::move(g).Finish(g.Linear(g.SelectRows(g.LayerNorm(x, "last", 1e-5)), "table", 300));
}

// Sequences of several lengths; every third row has no target.
inline TrainingBatch LongBatch() {
  TrainingBatch batch;
  batch.sequence_lengths = {150, 1, 0, 40};
  std::mt19937 random(4);
  for (const int64_t length : batch.sequence_lengths) {
    for (int64_t i = 0; i < length; ++i) {
      if (random() % 3 != 0) {
        batch.target_rows.push_back(static_cast<int32_t>(batch.tokens.size()));
        batch.targets.push_back(static_cast<TokenId>(random() % 300));
      }
      batch.tokens.push_back(static_cast<TokenId>(random() % 300));
    }
  }
  batch.gradient_scale = 1.0 / static_cast<double>(batch.targets.size());
  return batch;
}

// So that activations stay of the order of one.
inline ReferenceInterpreter<double>::Tensors ModestParameters(const Graph& graph) {
  auto parameters = RandomParameters(graph, 1);
  for (const Parameter& parameter : graph.parameters) {
    if (parameter.use == ParameterUse::kVector || parameter.shape.cols() < 32) continue;
    for (double& element : parameters[parameter.name]) element = static_cast<double>(static_cast<float>(element / 4));
  }
  return parameters;
}

using Tensors = std::map<std::string, std::vector<float>>;

struct Outcome {
  double loss = 0, evaluated = 0;
  size_t activation_bytes = 0;
  Tensors gradients;
  std::vector<float> logits;
};

inline Outcome Execute(const TrainingGraph& training, const ReferenceInterpreter<double>::Tensors& parameters,
                       const TrainingBatch& batch, kernels::Precision precision, int num_threads,
                       const kernels::KernelTable& table) {
  Tensors weights;
  Outcome outcome;
  std::vector<TrainingParameter> bound;
  for (const Parameter& parameter : training.graph.parameters) {
    const std::vector<double>& tensor = parameters.at(parameter.name);
    weights[parameter.name].assign(tensor.begin(), tensor.end());
    outcome.gradients[parameter.name].assign(tensor.size(), 0.0f);
  }
  for (const Parameter& parameter : training.graph.parameters) {
    bound.push_back({weights[parameter.name].data(), outcome.gradients[parameter.name].data()});
  }
  platform::ThreadPool threads(num_threads);
  // Room for more than the batch has.
  const BatchLimits limits{static_cast<int64_t>(batch.tokens.size()) + 9,
                           static_cast<int64_t>(batch.targets.size()) + 3};
  auto executor = TrainingExecutor::Create(training, bound, limits, precision, table, threads).value();
  outcome.activation_bytes = executor.activation_bytes();
  outcome.evaluated = executor.Evaluate(batch);
  outcome.logits.resize(batch.targets.size() *
                        static_cast<size_t>(training.graph.nodes[static_cast<size_t>(training.logits)].shape.cols));
  executor.ComputeLogits(batch, outcome.logits);
  outcome.loss = executor.Run(batch);
  return outcome;
}

}  // namespace tenfold::graph
