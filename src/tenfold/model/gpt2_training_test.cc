// The GPT-2 of this folder, as a training graph.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/test_data.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/graph/gradient_check_for_test.h"
#include "tenfold/model/architectures/gpt2.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::model {
namespace {

ModelConfig Config(int64_t num_layers, int64_t width, int64_t num_heads, int64_t vocab_size, int64_t context_length) {
  ModelConfig config;
  config.num_layers = num_layers;
  config.hidden_size = width;
  config.ffn_size = 4 * width;
  config.num_heads = config.num_kv_heads = num_heads;
  config.head_dim = width / num_heads;
  config.vocab_size = vocab_size;
  config.context_length = context_length;
  return config;
}

class Gpt2GradientTest : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Biases, Gpt2GradientTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "with" : "without"; });

TEST_P(Gpt2GradientTest, IsTheSlopeOfTheLoss) {
  ModelConfig config = Config(2, 8, 2, 9, /*context_length=*/4);
  config.has_biases = GetParam();
  config.tied_head = true;
  const graph::TrainingBatch batch = {.tokens = {1, 8, 3, 0, 5, 6, 2},
                                      .sequence_lengths = {4, 3},
                                      .target_rows = {0, 1, 2, 4, 5},
                                      .targets = {8, 3, 0, 6, 2},
                                      .gradient_scale = 0.2};
  graph::ExpectGradientsAreSlopes(BuildGpt2(config), batch, /*relative=*/1e-6);
}

// A random model, whose log-probabilities another engine recorded that looks GELU up in a table of half-precision
// numbers. With such a GELU in its place a plain program agrees with the record within 7e-5, with an exact one it is as
// far from it as this one, 1.3e-3.
TEST(Gpt2TrainingTest, AgreesWithAnIndependentEngine) {
  REQUIRE_SHARED("models/arch/gpt2.gguf");
  const auto file = formats::GgufFile::Open(SharedData("models/arch/gpt2.gguf")).value();
  ModelConfig config = Config(2, 64, 4, 512, 256);
  config.has_biases = true;
  const graph::TrainingGraph training = graph::Differentiate(BuildGpt2(config));
  graph::ReferenceInterpreter<double>::Tensors tensors;
  for (const graph::Parameter& parameter : training.graph.parameters) {
    const tensor::TensorView view = file.Tensor(parameter.name).value();
    std::vector<float> floats(static_cast<size_t>(view.shape.num_elements()));
    tensor::DequantizeRow(view.type, view.data, floats);
    tensors[parameter.name].assign(floats.begin(), floats.end());
  }
  graph::ReferenceInterpreter<double> interpreter(training.graph, tensors);
  const std::string text = platform::ReadTextFile(SharedData("models/arch/expected.json")).value();
  const json::value records = ParseJson(text, "records").value();
  for (const json::value& record : records.at("gpt2.gguf").as_array()) {
    graph::TrainingBatch batch;
    for (const json::value& id : record.at("prompt_ids").as_array()) batch.tokens.push_back(id.to_number<TokenId>());
    batch.target_rows = {static_cast<int32_t>(batch.tokens.size()) - 1};
    batch.sequence_lengths = {static_cast<int64_t>(batch.tokens.size())};
    for (const json::value& entry : record.at("top10").at(0).as_array()) {
      batch.targets = {entry.at(0).to_number<TokenId>()};
      interpreter.Run(batch, training.num_forward_nodes);
      EXPECT_NEAR(interpreter.value(training.graph.output).at(0), -entry.at(1).to_number<double>(), 2e-3);
    }
  }
}

}  // namespace
}  // namespace tenfold::model
