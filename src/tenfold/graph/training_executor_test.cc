// The fast executor of training graphs against the plain one, in f64.
#include "tenfold/graph/training_executor.h"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/graph/dropout.h"
#include "tenfold/graph/op_cases_for_test.h"
#include "tenfold/graph/reference_interpreter.h"
#include "tenfold/graph/training_models_for_test.h"
#include "tenfold/platform/cpu_features.h"

namespace tenfold::graph {
namespace {

using kernels::Precision;

double Greatest(const std::vector<double>& values) {
  double greatest = 0;
  for (const double value : values) greatest = std::max(greatest, std::abs(value));
  return greatest;
}

void ExpectAgreesWithReference(const Graph& model, const TrainingBatch& batch, double z_loss = 0) {
  const TrainingGraph training = Differentiate(model, z_loss);
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
      if (!batch.dropout_seed) {  // which only Run has
        EXPECT_EQ(actual.evaluated, actual.loss) << "the same forward pass";
        const std::vector<double>& logits = reference.value(training.logits);
        const double greatest_logit = Greatest(logits);
        for (size_t i = 0; i < logits.size(); ++i) {
          ASSERT_NEAR(static_cast<double>(actual.logits[i]), logits[i], relative * greatest_logit) << "logit " << i;
        }
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

TEST(TrainingExecutorBlocksTest, AgreeWithReferenceUnderDropoutAndZLoss) {
  TrainingBatch batch = LongBatch();
  batch.dropout_seed = 5;
  ExpectAgreesWithReference(WithDropout(WideGpt2(), 0.25), batch, /*z_loss=*/0.01);
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
