// What training writes is what serving loads: the same logits, from both formats and architectures.
#include "tenfold/training/model_export.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/model/model.h"
#include "tenfold/model/runner.h"
#include "tenfold/platform/aligned_buffer.h"
#include "tenfold/platform/cpu_features.h"
#include "tenfold/tokenizer/bpe_trainer.h"

namespace tenfold::training {
namespace {

TrainingConfig SmallModel(const std::string& architecture, bool has_biases, bool has_tied_head) {
  TrainingConfig config;
  config.model = {.architecture = architecture,
                  .num_layers = 2,
                  .hidden_size = 32,
                  .ffn_size = 64,
                  .num_heads = 4,
                  .num_kv_heads = architecture == "llama" ? 2 : 4,
                  .context_length = 24,
                  .vocab_size = 270};
  config.model.has_biases = has_biases;
  config.model.tied_head = has_tied_head;
  config.batch_size = 4;
  config.num_steps = 30;
  config.num_warmup_steps = 4;
  config.learning_rate = 1e-2;
  return Resolve(config).value();
}

tokenizer::Vocabulary SmallVocabulary() {
  const std::string_view text =
      "one two three four five one two three four five and on and on it goes, round and round";
  return tokenizer::TrainBpe({&text, 1}, {.vocabulary_size = 270}).value();
}

// Some text, the same for training and for the comparison: [sequences * length].
graph::TrainingBatch Texts(int64_t num_sequences, int64_t length) {
  graph::TrainingBatch batch;
  for (int64_t row = 0; row < num_sequences * length; ++row) {
    batch.tokens.push_back(static_cast<TokenId>(row * row % 263));
    batch.targets.push_back(static_cast<TokenId>((row + 1) * (row + 1) % 263));
    batch.target_rows.push_back(static_cast<int32_t>(row));
  }
  batch.sequence_lengths.assign(static_cast<size_t>(num_sequences), length);
  return batch;
}

// As the server computes them: [tokens, vocab_size].
std::vector<float> ServedLogits(const std::filesystem::path& path, std::span<const TokenId> tokens,
                                const kernels::KernelTable& table, platform::ThreadPool& threads) {
  const auto model = model::Model::Load(path, threads).value();
  const auto count = static_cast<int64_t>(tokens.size());
  const kernels::KvLayout layout = model::KvLayoutOf(model->config(), /*page_size=*/32, tensor::DataType::kF32);
  const auto pages = platform::AlignedBuffer::Allocate(layout.page_bytes(), "a page").value();
  auto runner =
      model::Runner::Create(*model, {count, count}, {const_cast<std::byte*>(pages.data()), layout}, table, threads)
          .value();
  const int32_t page_id = 0;
  const model::SequenceChunk chunk{tokens, 0, &page_id, count};
  const std::span<const float> logits = runner.Run({&chunk, 1});
  return {logits.begin(), logits.end()};
}

struct ExportCase {
  const char* name;
  const char* architecture;
  bool has_biases, has_tied_head;
};
class ModelExportTest : public testing::TestWithParam<ExportCase> {};
INSTANTIATE_TEST_SUITE_P(Architectures, ModelExportTest,
                         testing::Values(ExportCase{"Llama", "llama", false, true},
                                         ExportCase{"UntiedLlama", "llama", false, false},
                                         ExportCase{"Gpt2", "gpt2", true, true},
                                         ExportCase{"Gpt2WithoutBiases", "gpt2", false, true}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(ModelExportTest, IsServedWithTheTrainersLogits) {
  const TrainingConfig config = SmallModel(GetParam().architecture, GetParam().has_biases, GetParam().has_tied_head);
  const kernels::KernelTable& table = *kernels::SelectKernels("auto", platform::DetectCpuFeatures()).value();
  platform::ThreadPool threads(2);
  const auto trainer = Trainer::Create(config, table, threads).value();
  graph::TrainingBatch batch = Texts(config.batch_size, config.model.context_length);
  for (int step = 0; step < 30; ++step) ASSERT_TRUE(trainer->Step({&batch, 1}));

  const graph::TrainingBatch text = Texts(1, config.model.context_length);
  std::vector<float> expected(text.tokens.size() * static_cast<size_t>(config.model.vocab_size));
  trainer->ComputeLogits(text, expected);
  const auto [least, greatest] = std::ranges::minmax(expected);
  ASSERT_GT(greatest - least, 2) << "it has learned nothing: the test is blind";

  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("export_" + std::string(GetParam().name));
  const tokenizer::Vocabulary vocabulary = SmallVocabulary();
  ASSERT_EQ(static_cast<int64_t>(vocabulary.tokens.size()), config.model.vocab_size);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  ASSERT_TRUE(ExportGguf(vocabulary, *trainer, folder / "model.gguf", threads));
  ASSERT_TRUE(ExportHuggingFace(vocabulary, *trainer, folder / "hf", threads));
  for (const char* name : {"model.gguf", "hf"}) {
    const std::vector<float> served = ServedLogits(folder / name, text.tokens, table, threads);
    ASSERT_EQ(served.size(), expected.size());
    for (size_t i = 0; i < served.size(); ++i) {
      ASSERT_NEAR(served[i], expected[i], 1e-5f * std::max(1.0f, std::abs(expected[i]))) << name << " at " << i;
    }
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tenfold::training
