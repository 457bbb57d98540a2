#include "tenfold/training/initial_weights.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/training/training_config.h"

namespace tenfold::training {
namespace {

TrainingConfig Gpt2() {
  TrainingConfig config;
  config.model = {.architecture = "gpt2",
                  .num_layers = 2,
                  .hidden_size = 64,
                  .num_heads = 4,
                  .context_length = 33,
                  .vocab_size = 101,
                  .has_biases = true};
  return Resolve(config).value();
}

std::vector<float> Draw(const ParameterLayout& layout, uint64_t seed, int num_threads) {
  platform::ThreadPool threads(num_threads);
  std::vector<float> weights(static_cast<size_t>(layout.num_floats()));
  DrawInitialWeights(layout, 2, seed, threads, weights);
  return weights;
}

TEST(InitialWeightsTest, HaveTheirMeansAndDeviations) {
  const ParameterLayout layout(BuildModel(Gpt2()));
  const std::vector<float> weights = Draw(layout, 7, 1);
  for (const auto& entry : layout.entries()) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < entry.size; ++i) {
      const double weight = weights[static_cast<size_t>(entry.offset + i)];
      sum += weight;
      squares += weight * weight;
    }
    const auto count = static_cast<double>(entry.size);
    const double mean = sum / count, deviation = std::sqrt(squares / count - mean * mean);
    if (entry.name.ends_with(".bias")) {
      EXPECT_EQ(squares, 0) << entry.name;
    } else if (!entry.decays) {
      EXPECT_EQ(mean, 1) << entry.name;
      EXPECT_EQ(deviation, 0) << entry.name;
    } else {
      const bool is_residual =
          entry.name.find("attn_output") != std::string::npos || entry.name.find("ffn_down") != std::string::npos;
      const double expected = is_residual ? 0.01 : 0.02;  // two layers: 1 / sqrt(4)
      EXPECT_NEAR(mean, 0, 5 * expected / std::sqrt(count)) << entry.name;
      EXPECT_NEAR(deviation, expected, 5 * expected / std::sqrt(2 * count)) << entry.name;
    }
  }
}

TEST(InitialWeightsTest, DependOnTheSeedAlone) {
  const ParameterLayout layout(BuildModel(Gpt2()));
  const std::vector<float> weights = Draw(layout, 7, 1);
  EXPECT_EQ(Draw(layout, 7, 3), weights);
  EXPECT_NE(Draw(layout, 8, 1), weights);
}

TEST(InitialWeightsTest, TensorsOfOneShapeDiffer) {
  const ParameterLayout layout(BuildModel(Gpt2()));
  const std::vector<float> weights = Draw(layout, 7, 1);
  EXPECT_NE(weights[static_cast<size_t>(layout.entry("blk.0.attn_qkv.weight").offset)],
            weights[static_cast<size_t>(layout.entry("blk.1.attn_qkv.weight").offset)]);
}

}  // namespace
}  // namespace tenfold::training
