#include "tenfold/model/synth.h"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/formats/gguf.h"
#include "tenfold/model/model.h"
#include "tenfold/model/perplexity.h"
#include "tenfold/model/tiny_model_for_test.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::model {
namespace {

using tensor::DataType;
using testing::HasSubstr;

class Synth : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("tenfold_synth_{}", getpid());
    std::filesystem::create_directories(folder_);
    vocab_size_ =
        static_cast<int64_t>(formats::GgufFile::Open(vocabulary_)->GetStrings("tokenizer.ggml.tokens").value().size());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  SynthOptions Options(const std::string& out, DataType type = DataType::kF32) const {
    return {.shape = FindSynthShape("tiny").value(),
            .mix = FindWeightMix(tensor::Name(type)),
            .vocabulary = vocabulary_,
            .out = folder_ / out,
            .seed = 7};
  }

  std::string Bytes(const std::string& name) const { return platform::ReadTextFile(folder_ / name).value(); }

  const std::filesystem::path vocabulary_ = WriteTinyModel(DataType::kF32);  // its weights do not matter
  int64_t vocab_size_ = 0;
  std::filesystem::path folder_;
  platform::ThreadPool threads_{2};
};

class SynthTypes : public Synth, public testing::WithParamInterface<DataType> {};
INSTANTIATE_TEST_SUITE_P(Types, SynthTypes,
                         testing::Values(DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kQ8_0,
                                         DataType::kQ4_0),
                         [](const auto& info) { return std::string(tensor::Name(info.param)); });

TEST_P(SynthTypes, GivesAModelThatComputes) {
  const SynthOptions options = Options("model.gguf", GetParam());
  const int64_t num_parameters = WriteSynthModel(options, threads_).value().num_parameters;
  // Tables; two layers of q and output, k and v, gate, up and down, and norms; the last norm.
  EXPECT_EQ(num_parameters, 2 * vocab_size_ * 64 + 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 128 * 64 + 2 * 64) + 64);

  const auto model = Model::Load(options.out, threads_).value();
  EXPECT_EQ(model->config().vocab_size, vocab_size_);
  EXPECT_FALSE(model->config().tied_head);
  std::vector<TokenId> text(256);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<TokenId>(i * 89 % static_cast<size_t>(vocab_size_));
  const Perplexity measured =
      MeasurePerplexity(*model, text, {}, *kernels::SelectKernels("portable", {}).value(), threads_).value();
  // Logits of standard deviation 1 cost half a nat more than uniform ones.
  EXPECT_NEAR(measured.mean_nll(), std::log(static_cast<double>(vocab_size_)) + 0.5, 0.2);
}

TEST_F(Synth, DrawsWithTheStandardDeviationThatKeepsActivationsInRange) {
  ASSERT_TRUE(WriteSynthModel(Options("model.gguf"), threads_));
  const auto file = formats::GgufFile::Open(folder_ / "model.gguf").value();
  for (const char* name : {"token_embd.weight", "blk.1.ffn_down.weight", "blk.0.attn_k.weight", "output.weight"}) {
    const tensor::TensorView view = file.Tensor(name).value();
    std::vector<float> values(static_cast<size_t>(view.shape.num_elements()));
    tensor::DequantizeRow(view.type, view.data, values);
    const auto count = static_cast<double>(values.size());
    double sum = 0;
    double squares = 0;
    for (const float value : values) {
      sum += static_cast<double>(value);
      squares += static_cast<double>(value) * static_cast<double>(value);
    }
    const double deviation = 1 / std::sqrt(static_cast<double>(view.shape.cols()));
    EXPECT_NEAR(sum / count, 0, 5 * deviation / std::sqrt(count)) << name;
    EXPECT_NEAR(std::sqrt(squares / count), deviation, 0.05 * deviation) << name;
  }
}

TEST_F(Synth, DependsOnTheSeedAndOnNothingElse) {
  platform::ThreadPool one(1);
  ASSERT_TRUE(WriteSynthModel(Options("a", DataType::kQ4_0), threads_));
  ASSERT_TRUE(WriteSynthModel(Options("b", DataType::kQ4_0), one));
  SynthOptions other = Options("c", DataType::kQ4_0);
  other.seed = 8;
  ASSERT_TRUE(WriteSynthModel(other, threads_));
  EXPECT_TRUE(Bytes("a") == Bytes("b"));
  EXPECT_FALSE(Bytes("a") == Bytes("c"));
}

TEST_F(Synth, LaysOutAMix) {
  SynthOptions options = Options("model.gguf");
  options.shape = FindSynthShape("tiny-256").value();
  options.mix = FindWeightMix("Q4_K_M");
  EXPECT_EQ(WriteSynthModel(options, threads_).value().num_fallbacks, 0);
  const auto file = formats::GgufFile::Open(folder_ / "model.gguf").value();
  EXPECT_THAT(file.GetInt("general.file_type").value(), testing::Optional(15));
  const std::pair<const char*, DataType> expected[] = {
      {"token_embd.weight", DataType::kQ4_K},     {"output.weight", DataType::kQ6_K},
      {"output_norm.weight", DataType::kF32},     {"blk.0.attn_q.weight", DataType::kQ4_K},
      {"blk.0.attn_v.weight", DataType::kQ4_K},   {"blk.1.attn_v.weight", DataType::kQ6_K},
      {"blk.1.ffn_down.weight", DataType::kQ6_K}, {"blk.1.ffn_up.weight", DataType::kQ4_K}};
  for (const auto& [name, type] : expected) EXPECT_EQ(file.FindTensor(name)->type, type) << name;
}

TEST_F(Synth, CountsMatricesWhoseRowsAreNoWholeBlocks) {
  const SynthOptions options = Options("model.gguf", DataType::kQ4_K);  // rows of 64 and 128
  EXPECT_EQ(WriteSynthModel(options, threads_).value().num_fallbacks, 2 + 2 * 7);
  const auto file = formats::GgufFile::Open(folder_ / "model.gguf").value();
  EXPECT_EQ(file.FindTensor("blk.0.attn_q.weight")->type, DataType::kQ8_0);
}

TEST_F(Synth, ReplacesAFileOnlyWhenTold) {
  SynthOptions options = Options("model.gguf");
  ASSERT_TRUE(WriteSynthModel(options, threads_));
  EXPECT_THAT(WriteSynthModel(options, threads_).error().message, HasSubstr("exists already; pass --overwrite"));
  options.overwrite = true;
  EXPECT_TRUE(WriteSynthModel(options, threads_));
}

TEST_F(Synth, LeavesNothingBehindWithoutAVocabulary) {
  SynthOptions options = Options("model.gguf");
  options.vocabulary = folder_ / "absent.gguf";
  EXPECT_THAT(WriteSynthModel(options, threads_).error().message, HasSubstr("absent.gguf"));
  EXPECT_FALSE(std::filesystem::exists(options.out));
}

TEST(SynthShape, OfAnUnknownNameListsTheKnown) {
  EXPECT_THAT(FindSynthShape("gpt-5").error().message,
              HasSubstr("tinyllama-1.1b, llama-3.2-1b, llama-3.1-8b, smollm2-135m, small-19m, tiny, tiny-256"));
}

}  // namespace
}  // namespace tenfold::model
