// Recomputation changes no bit and saves memory.
#include "tenfold/graph/recomputation.h"

#include <gtest/gtest.h>

#include "tenfold/graph/dropout.h"
#include "tenfold/graph/training_models_for_test.h"
#include "tenfold/platform/cpu_features.h"

namespace tenfold::graph {
namespace {

Outcome Learn(const Graph& model, Recomputation policy, kernels::Precision precision) {
  TrainingBatch batch = LongBatch();
  batch.dropout_seed = 3;
  const kernels::KernelTable& table = *kernels::UsableKernels(platform::DetectCpuFeatures()).front();
  return Execute(Recompute(Differentiate(model), policy), ModestParameters(model), batch, precision, 2, table);
}

TEST(RecomputationTest, ChangesNoBit) {
  for (const Graph& model : {WideLlama(3), WideGpt2(), WithDropout(WideLlama(3), 0.3), WithDropout(WideGpt2(), 0.3)}) {
    for (const auto precision : {kernels::Precision::kF32, kernels::Precision::kBf16}) {
      const Outcome expected = Learn(model, Recomputation::kNone, precision);
      for (const Recomputation policy : {Recomputation::kSelective, Recomputation::kFull}) {
        const Outcome actual = Learn(model, policy, precision);
        EXPECT_EQ(actual.loss, expected.loss);
        EXPECT_EQ(actual.logits, expected.logits);
        EXPECT_EQ(actual.gradients, expected.gradients);
      }
    }
  }
}

TEST(RecomputationTest, ALayerMoreCostsItsKeptResults) {
  const auto bytes = [&](int num_layers, Recomputation policy) {
    return static_cast<int64_t>(Learn(WideLlama(num_layers), policy, kernels::Precision::kF32).activation_bytes);
  };
  const auto of_a_layer = [&](Recomputation policy) { return (bytes(8, policy) - bytes(4, policy)) / 4; };
  const auto num_rows = static_cast<int64_t>(LongBatch().tokens.size()) + 9;
  const auto matrix = [&](int64_t cols) { return num_rows * cols * static_cast<int64_t>(sizeof(float)); };
  // Two inputs of norms and the norms' results; rotated queries and keys, values, outputs with their log-sum-exps and
  // without; gate, up and their product.
  EXPECT_NEAR(of_a_layer(Recomputation::kNone), matrix(4 * 80 + 80 + 40 + 40 + 84 + 80 + 3 * 100), 64 * 12);
  // Less what norms, copies and activations give; queries and keys before and not after their rotation.
  EXPECT_NEAR(of_a_layer(Recomputation::kSelective), matrix(2 * 80 + 80 + 40 + 40 + 84 + 2 * 100), 64 * 12);
  EXPECT_NEAR(of_a_layer(Recomputation::kFull), matrix(80), 64);
  // At most two layers beside those inputs.
  const int64_t most = 8 * matrix(80) + 2 * of_a_layer(Recomputation::kNone);
  EXPECT_LT(bytes(8, Recomputation::kFull), most + matrix(300) + matrix(10));  // logits and angles
}

}  // namespace
}  // namespace tenfold::graph
