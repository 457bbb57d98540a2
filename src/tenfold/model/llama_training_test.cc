// The Llama of this folder, as a training graph.
#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/test_data.h"
#include "tenfold/graph/gradient_check_for_test.h"
#include "tenfold/model/architectures/llama.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tensor/quantized_blocks.h"

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

TEST(LlamaTrainingTest, GradientsAreTheSlopesOfTheLoss) {
  graph::ExpectGradientsAreSlopes(BuildLlama(TinyConfig()), kBatch, /*relative=*/1e-6);
}

TEST(LlamaTrainingTest, ATiedHeadAddsToTheGradientOfTheEmbeddings) {
  ModelConfig config = TinyConfig();
  config.tied_head = true;
  graph::ExpectGradientsAreSlopes(BuildLlama(config), kBatch, /*relative=*/1e-6);
}

graph::ReferenceInterpreter<double>::Tensors ReadParameters(const graph::Graph& graph, const Checkpoint& checkpoint) {
  graph::ReferenceInterpreter<double>::Tensors tensors;
  for (const graph::Parameter& parameter : graph.parameters) {
    const CheckpointTensor source = checkpoint.Tensor(parameter.name).value();
    const int64_t num_rows = parameter.shape.rows();
    std::vector<float> row(static_cast<size_t>(parameter.shape.num_elements() / num_rows));
    std::vector<double>& tensor = tensors[parameter.name];
    tensor.clear();
    for (int64_t r = 0; r < num_rows; ++r) {
      const int64_t from = source.row_order.empty() ? r : source.row_order[static_cast<size_t>(r)];
      tensor::DequantizeRow(source.view.type, source.view.row(from), row);
      tensor.insert(tensor.end(), row.begin(), row.end());
    }
  }
  return tensors;
}

// The loss that training would see, of a real model on texts whose likelihood another program computed in f64.
TEST(LlamaTrainingTest, TheLossIsTheRecordedLikelihood) {
  REQUIRE_SHARED("models/stories260K.gguf");
  REQUIRE_SHARED("models/stories260K-greedy.json");
  const auto checkpoint = OpenCheckpoint(SharedData("models/stories260K.gguf")).value();
  const graph::TrainingGraph training = graph::Differentiate(BuildLlama(checkpoint->config()));
  graph::ReferenceInterpreter<double> interpreter(training.graph, ReadParameters(training.graph, *checkpoint));
  const std::string text = platform::ReadTextFile(SharedData("models/stories260K-greedy.json")).value();
  const json::value records = ParseJson(text, "records").value();
  for (const json::value& record : records.as_array()) {
    graph::TrainingBatch batch;
    for (const char* part : {"prompt_ids", "completion_ids"}) {
      for (const json::value& id : record.at(part).as_array()) batch.tokens.push_back(id.to_number<TokenId>());
    }
    batch.sequence_lengths = {static_cast<int64_t>(batch.tokens.size())};
    batch.targets.assign(batch.tokens.begin() + 1, batch.tokens.end());
    for (size_t row = 0; row < batch.targets.size(); ++row) batch.target_rows.push_back(static_cast<int32_t>(row));
    interpreter.Run(batch, training.num_forward_nodes);
    double sum = 0;
    for (const double loss : interpreter.value(training.graph.output)) sum += loss;
    EXPECT_NEAR(sum / static_cast<double>(batch.targets.size()), record.at("mean_nll_all").to_number<double>(), 1e-8);
  }
}

}  // namespace
}  // namespace tenfold::model
