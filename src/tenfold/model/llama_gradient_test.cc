// The Llama of this folder, differentiated as a whole.
#include <gtest/gtest.h>

#include "tenfold/graph/gradient_check_for_test.h"
#include "tenfold/model/architectures/llama.h"

namespace tenfold::model {
namespace {

ModelConfig TinyConfig() {
  ModelConfig config;
  config.num_layers = 2;
  config.hidden_size = 8;
  config.ffn_size = 12;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 4;
  config.vocab_size = 9;
  config.norm_epsilon = 1e-3;
  config.rotary.dimensions = 4;
  return config;
}

const graph::TrainingBatch kBatch = {.tokens = {1, 8, 3, 0, 5, 6, 2},
                                     .sequence_lengths = {4, 3},
                                     .target_rows = {0, 1, 2, 4, 5},
                                     .targets = {8, 3, 0, 6, 2},
                                     .gradient_scale = 0.2};

TEST(LlamaGradientTest, IsTheSlopeOfTheLoss) {
  graph::ExpectGradientsAreSlopes(BuildLlama(TinyConfig()), kBatch, /*relative=*/1e-6);
}

TEST(LlamaGradientTest, OfATiedHeadAddsToTheEmbeddings) {
  ModelConfig config = TinyConfig();
  config.tied_head = true;
  graph::ExpectGradientsAreSlopes(BuildLlama(config), kBatch, /*relative=*/1e-6);
}

}  // namespace
}  // namespace tenfold::model
