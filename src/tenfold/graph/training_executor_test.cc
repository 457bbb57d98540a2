// The fast executor of training graphs against the plain one, in f64.
#include "tenfold/graph/training_executor.h"

#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/graph/builder.h"
#include "tenfold/graph/gradient_check_for_test.h"
#include "tenfold/graph/op_cases_for_test.h"
#include "tenfold/graph/reference_interpreter.h"
#include "tenfold/platform/cpu_features.h"

namespace tenfold::graph {
namespace {

using kernels::Precision;

// A block of each kind of architecture, wide and long enough that everything has several pieces.
Graph WideLlama() {
  GraphBuilder g;
  constexpr int64_t kHidden = 80, kHeadDim = 20;
  const Value angles = g.RotaryAngles({1.0, 0.3, 0.1, 0.03, 0.01}, 1.1);
  Value x = g.Embedding("table", 300, kHidden);
  for (const char* layer : {"0.", "1."}) {
    const auto name = [&](const char* of) { return std::string(layer) + of; };
    const Value h = g.RmsNorm(x, name("norm"), 1e-5);
    const Value q = g.Rotary(g.Linear(h, name("q"), 4 * kHeadDim), angles, kHeadDim);
    const Value k = g.Rotary(g.Linear(h, name("k"), 2 * kHeadDim), angles, kHeadDim);
    const Value v = g.Linear(h, name("v"), 2 * kHeadDim);
    const Value attended = g.Attention(q, k, v, layer[0] - '0', {4, 2, kHeadDim, 1 / std::sqrt(20.0)});
    x = g.Add(x, g.Linear(attended, name("o"), kHidden));
    const Value m = g.RmsNorm(x, name("ffn_norm"), 1e-5);
    const Value gated = g.SiluMultiply(g.Linear(m, name("gate"), 100), g.Linear(m, name("up"), 100));
    x = g.Add(x, g.Linear(gated, name("down"), kHidden));
  }
  return std::move(g).Finish(g.Linear(g.SelectRows(g.RmsNorm(x, "last", 1e-5)), "table", 300));
}

Graph WideGpt2() {
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

TrainingBatch SmallBatch() {
  return {.tokens = {1, 2, 2, 0, 6, 5, 3, 1},
          .sequence_lengths = {3, 1, 4},
          .target_rows = {0, 1, 2, 4, 5, 7},
          .targets = {2, 2, 0, 5, 3, 1},
          .gradient_scale = 1.0 / 6};
}

// Sequences of several lengths; every third row has no target.
TrainingBatch LongBatch() {
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
ReferenceInterpreter<double>::Tensors ModestParameters(const Graph& graph) {
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
  Tensors gradients;
  std::vector<float> logits;
};

Outcome Execute(const TrainingGraph& training, const ReferenceInterpreter<double>::Tensors& parameters,
                const TrainingBatch& batch, Precision precision, int num_threads, const kernels::KernelTable& table) {
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
  outcome.evaluated = executor.Evaluate(batch);
  outcome.logits.resize(batch.targets.size() *
                        static_cast<size_t>(training.graph.nodes[static_cast<size_t>(training.logits)].shape.cols));
  executor.ComputeLogits(batch, outcome.logits);
  outcome.loss = executor.Run(batch);
  return outcome;
}

double Greatest(const std::vector<double>& values) {
  double greatest = 0;
  for (const double value : values) greatest = std::max(greatest, std::abs(value));
  return greatest;
}

void ExpectAgreesWithReference(const Graph& model, const TrainingBatch& batch) {
  const TrainingGraph training = Differentiate(model);
  const auto parameters = ModestParameters(model);
  ReferenceInterpreter<double> reference(training.graph, parameters);
  reference.Run(batch);
  double loss = 0;
  for (const double each : reference.value(training.graph.output)) loss += each;
  for (const kernels::KernelTable* table : kernels::UsableKernels(platform::DetectCpuFeatures())) {
    for (const Precision precision : {Precision::kF32, Precision::kBf16}) {
      SCOPED_TRACE(std::string(table->name) + (precision == Precision::kF32 ? " f32" : " bf16"));
      // bfloat16 rounds every factor by up to 2^-9, through several layers.
      const double relative = precision == Precision::kF32 ? 2e-5 : std::ldexp(1.0, -4);
      const Outcome actual = Execute(training, parameters, batch, precision, 2, *table);
      EXPECT_NEAR(actual.loss, loss, relative * std::abs(loss));
      EXPECT_EQ(actual.evaluated, actual.loss) << "the same forward pass";
      const std::vector<double>& logits = reference.value(training.logits);
      const double greatest_logit = Greatest(logits);
      for (size_t i = 0; i < logits.size(); ++i) {
        ASSERT_NEAR(static_cast<double>(actual.logits[i]), logits[i], relative * greatest_logit) << "logit " << i;
      }
      for (const auto& [name, gradient] : reference.gradients()) {
        const double greatest = Greatest(gradient);
        for (size_t i = 0; i < gradient.size(); ++i) {
          ASSERT_NEAR(static_cast<double>(actual.gradients.at(name)[i]), gradient[i], relative * greatest)
              << name << "[" << i << "]";
        }
      }
    }
  }
}

class TrainingExecutorTest : public testing::TestWithParam<OpCase> {};

TEST_P(TrainingExecutorTest, AgreesWithReference) {
  ExpectAgreesWithReference(WithHead(GetParam()), SmallBatch());
}

INSTANTIATE_TEST_SUITE_P(Ops, TrainingExecutorTest, testing::ValuesIn(kOps),
                         [](const auto& info) { return info.param.name; });

TEST(TrainingExecutorBlocksTest, AgreeWithReference) {
  ExpectAgreesWithReference(WideLlama(), LongBatch());
  ExpectAgreesWithReference(WideGpt2(), LongBatch());
}

TEST(TrainingExecutorBlocksTest, BitsDoNotDependOnThreads) {
  for (const Graph& model : {WideLlama(), WideGpt2()}) {
    const TrainingGraph training = Differentiate(model);
    const auto parameters = ModestParameters(model);
    for (const kernels::KernelTable* table : kernels::UsableKernels(platform::DetectCpuFeatures())) {
      for (const Precision precision : {Precision::kF32, Precision::kBf16}) {
        const Outcome one = Execute(training, parameters, LongBatch(), precision, 1, *table);
        const Outcome five = Execute(training, parameters, LongBatch(), precision, 5, *table);
        EXPECT_EQ(one.loss, five.loss) << table->name;
        EXPECT_EQ(one.logits, five.logits) << table->name;
        EXPECT_EQ(one.gradients, five.gradients) << table->name;
      }
    }
  }
}

TEST(TrainingExecutorBlocksTest, GradientsAddUp) {
  const Graph model = WideLlama();
  const TrainingGraph training = Differentiate(model);
  const auto parameters = ModestParameters(model);
  Tensors weights, gradients;
  std::vector<TrainingParameter> bound;
  for (const auto& [name, tensor] : parameters) {
    weights[name].assign(tensor.begin(), tensor.end());
    gradients[name].assign(tensor.size(), 0.0f);
  }
  for (const Parameter& parameter : training.graph.parameters) {
    bound.push_back({weights[parameter.name].data(), gradients[parameter.name].data()});
  }
  platform::ThreadPool threads(2);
  const kernels::KernelTable& table = *kernels::UsableKernels(platform::DetectCpuFeatures()).front();
  auto executor = TrainingExecutor::Create(training, bound, {500, 500}, Precision::kF32, table, threads).value();
  executor.Run(LongBatch());
  const Tensors once = gradients;
  executor.Run(SmallBatch());  // another shape in between
  executor.Evaluate(LongBatch());
  Tensors before = gradients;
  executor.Run(LongBatch());
  for (const auto& [name, gradient] : once) {
    double greatest = 0;
    for (const float each : gradient) greatest = std::max(greatest, static_cast<double>(std::abs(each)));
    for (size_t i = 0; i < gradient.size(); ++i) {
      const double added = static_cast<double>(gradients[name][i]) - static_cast<double>(before[name][i]);
      ASSERT_NEAR(added, static_cast<double>(gradient[i]), 1e-5 * greatest) << name;
    }
  }
}

}  // namespace
}  // namespace tenfold::graph
