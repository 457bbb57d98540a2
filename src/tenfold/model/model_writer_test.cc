// What is written is the same model again, in either format; the trainer's way to write one.
#include "tenfold/model/model_writer.h"

#include <unistd.h>

#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/random.h"
#include "tenfold/base/test_data.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/formats/safetensors.h"
#include "tenfold/formats/safetensors_writer.h"
#include "tenfold/model/architectures.h"
#include "tenfold/model/model.h"
#include "tenfold/model/tensor_rows.h"
#include "tenfold/tensor/half.h"
#include "tenfold/tokenizer/small_vocabulary.h"

namespace tenfold::model {
namespace {

namespace fs = std::filesystem;
using tensor::DataType;
using testing::HasSubstr;

using Tensors = std::map<std::string, std::vector<float>>;

// All weights of a checkpoint as the model has them.
Tensors ReadAll(const Checkpoint& checkpoint) {
  Tensors tensors;
  for (const graph::Parameter& parameter : BuildGraph(checkpoint.config()).parameters) {
    const RowReader rows = ReadRows(checkpoint.Tensor(parameter.name).value());
    std::vector<float>& values = tensors[parameter.name];
    values.resize(static_cast<size_t>(parameter.shape.num_elements()));
    const auto cols = static_cast<size_t>(parameter.shape.cols());
    for (int64_t row = 0; row < parameter.shape.rows(); ++row) {
      rows(row, std::span(values).subspan(static_cast<size_t>(row) * cols, cols));
    }
  }
  return tensors;
}

void ExpectSameConfig(const ModelConfig& a, const ModelConfig& b) {
  EXPECT_EQ(a.architecture, b.architecture);
  for (const auto number :
       {&ModelConfig::num_layers, &ModelConfig::hidden_size, &ModelConfig::ffn_size, &ModelConfig::num_heads,
        &ModelConfig::num_kv_heads, &ModelConfig::head_dim, &ModelConfig::vocab_size, &ModelConfig::context_length}) {
    EXPECT_EQ(a.*number, b.*number);
  }
  EXPECT_EQ(static_cast<float>(a.norm_epsilon), static_cast<float>(b.norm_epsilon));
  EXPECT_EQ(a.tied_head, b.tied_head);
  EXPECT_EQ(a.has_biases, b.has_biases);
  const std::vector<double> frequencies = RotaryFrequencies(a.rotary), others = RotaryFrequencies(b.rotary);
  ASSERT_EQ(frequencies.size(), others.size());
  for (size_t i = 0; i < others.size(); ++i) EXPECT_NEAR(frequencies[i], others[i], 1e-6 * others[i]);
}

class ModelWriterTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  // A model of random numbers in memory, as a trainer has it.
  void MakeModel(const std::string& architecture, bool tied_head, bool has_biases = true) {
    vocabulary_ = tokenizer::SmallByteLevel({{"a", "b"}, {" ", "a"}});
    vocabulary_.chat_template = "{{ messages }}";
    config_ = {};
    config_.architecture = architecture;
    config_.name = "random";
    config_.num_layers = 2;
    config_.hidden_size = 64;
    config_.ffn_size = 96;
    config_.num_heads = 4;
    config_.num_kv_heads = architecture == "gpt2" ? 4 : 2;
    config_.head_dim = 16;
    config_.vocab_size = static_cast<int64_t>(vocabulary_.tokens.size()) + 5;  // padded, as tables often are
    config_.context_length = 128;
    config_.tied_head = tied_head;
    config_.has_biases = architecture == "gpt2" && has_biases;
    if (architecture == "llama") config_.rotary.dimensions = 16;
    expected_.clear();
    for (const graph::Parameter& parameter : BuildGraph(config_).parameters) {
      std::vector<float>& values = expected_[parameter.name];
      const uint64_t stream = expected_.size();
      values.resize(static_cast<size_t>(parameter.shape.num_elements()));
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(UniformDouble(5, stream, i) - 0.5);
    }
  }

  ModelContent Content() const {
    return {.config = &config_,
            .vocabulary = &vocabulary_,
            .weights = &weights_,
            .sampling_defaults = {.temperature = 0.5, .top_k = 7}};
  }

  void ExpectRead(const fs::path& path, const Tensors& expected) const {
    const auto checkpoint = OpenCheckpoint(path).value();
    ExpectSameConfig(checkpoint->config(), config_);
    EXPECT_EQ(checkpoint->vocabulary().chat_template, vocabulary_.chat_template);
    EXPECT_EQ(checkpoint->vocabulary().eos, vocabulary_.eos);
    EXPECT_EQ(checkpoint->sampling_defaults().temperature, 0.5);
    EXPECT_EQ(checkpoint->sampling_defaults().top_k, 7);
    EXPECT_TRUE(ReadAll(*checkpoint) == expected);
    EXPECT_TRUE(Model::Load(path, threads_));
  }

  const fs::path folder_ = fs::temp_directory_path() / fmt::format("tenfold_model_writer_{}", getpid());
  mutable platform::ThreadPool threads_{2};
  ModelConfig config_;
  tokenizer::Vocabulary vocabulary_;
  Tensors expected_;
  const FloatWeights weights_{[this](const std::string& name) { return std::span<const float>(expected_.at(name)); }};
};

TEST_F(ModelWriterTest, WritesWhatATrainerHas) {
  for (const std::string architecture : {"llama", "gpt2"}) {
    for (const bool tied_head : {true, false}) {
      SCOPED_TRACE(architecture + (tied_head ? " tied" : ""));
      MakeModel(architecture, tied_head);
      const WriteOptions options = {.overwrite = true};
      ASSERT_TRUE(WriteGgufModel(Content(), options, folder_ / "model.gguf", threads_));
      ASSERT_TRUE(WriteHuggingFaceModel(Content(), options, folder_ / "hf", threads_));
      ExpectRead(folder_ / "model.gguf", expected_);
      ExpectRead(folder_ / "hf", expected_);
      EXPECT_EQ(formats::GgufFile::Open(folder_ / "model.gguf")->FindTensor("output.weight") == nullptr, tied_head);
    }
  }
}

// The layouts on the disk, by what the formats' own programs do with them.
TEST_F(ModelWriterTest, LaysRowsOutAsTheFormatsHaveThem) {
  MakeModel("llama", true);
  ASSERT_TRUE(WriteGgufModel(Content(), {}, folder_ / "model.gguf", threads_));
  ASSERT_TRUE(WriteHuggingFaceModel(Content(), {}, folder_ / "hf", threads_));
  const std::vector<float>& keys = expected_.at("blk.1.attn_k.weight");
  const auto gguf = formats::GgufFile::Open(folder_ / "model.gguf").value();
  const auto safetensors = formats::SafetensorsModel::Open(folder_ / "hf").value();
  const auto* interleaved = reinterpret_cast<const float*>(gguf.Tensor("blk.1.attn_k.weight")->data);
  const auto* halves =
      reinterpret_cast<const float*>(safetensors.Tensor("model.layers.1.self_attn.k_proj.weight")->data);
  // Of the second head, pair 3: rows 16 + 3 and 16 + 8 + 3 here, side by side in GGUF.
  EXPECT_EQ(halves[19 * 64 + 5], keys[19 * 64 + 5]);
  EXPECT_EQ(interleaved[(16 + 6) * 64 + 5], keys[19 * 64 + 5]);
  EXPECT_EQ(interleaved[(16 + 7) * 64 + 5], keys[27 * 64 + 5]);

  MakeModel("gpt2", true);
  ASSERT_TRUE(WriteHuggingFaceModel(Content(), {.overwrite = true}, folder_ / "hf", threads_));
  const auto gpt2 = formats::SafetensorsModel::Open(folder_ / "hf").value();
  const tensor::TensorView up = gpt2.Tensor("transformer.h.0.mlp.c_fc.weight").value();  // "Conv1D": [inputs, outputs]
  EXPECT_EQ(up.shape, (tensor::Shape{64, 96}));
  EXPECT_EQ(reinterpret_cast<const float*>(up.data)[7 * 96 + 3], expected_.at("blk.0.ffn_up.weight")[3 * 64 + 7]);
}

// The first files of GPT-2 have names without a beginning.
TEST_F(ModelWriterTest, Gpt2IsReadUnderItsShorterNames) {
  MakeModel("gpt2", true);
  ASSERT_TRUE(WriteHuggingFaceModel(Content(), {}, folder_ / "hf", threads_));
  const fs::path path = folder_ / "hf" / "model.safetensors";
  {
    const auto file = formats::SafetensorsFile::Open(path).value();
    formats::SafetensorsHeaderBuilder header;
    for (const formats::SafetensorsTensor& tensor : file.tensors()) {
      const std::string_view prefix = "transformer.";
      ASSERT_TRUE(tensor.name.starts_with(prefix)) << tensor.name;
      header.AddTensor(tensor.name.substr(prefix.size()), tensor::Shape(std::span(tensor.sizes)), DataType::kF32);
    }
    auto writer = formats::SafetensorsWriter::Create(path, header).value();
    for (const formats::SafetensorsTensor& tensor : file.tensors()) ASSERT_TRUE(writer.WriteTensorData(tensor.bytes));
    ASSERT_TRUE(writer.Finish());
  }
  ExpectRead(folder_ / "hf", expected_);
}

TEST_F(ModelWriterTest, Gpt2WithoutBiasesGetsZeros) {
  MakeModel("gpt2", true, /*has_biases=*/false);
  for (const char* out : {"model.gguf", "hf"}) {
    const auto write = out == std::string("hf") ? WriteHuggingFaceModel : WriteGgufModel;
    ASSERT_TRUE(write(Content(), {}, folder_ / out, threads_));
    const auto checkpoint = OpenCheckpoint(folder_ / out).value();
    EXPECT_TRUE(checkpoint->config().has_biases);
    Tensors read = ReadAll(*checkpoint);
    EXPECT_EQ(read.at("blk.1.attn_qkv.bias"), std::vector<float>(192, 0.0f));
    std::erase_if(read, [](const auto& tensor) { return tensor.first.ends_with(".bias"); });
    EXPECT_TRUE(read == expected_);
  }
}

TEST_F(ModelWriterTest, AFolderHas16BitsWhereTold) {
  MakeModel("llama", false);
  const WriteSummary summary =
      WriteHuggingFaceModel(Content(), {.mix = FindWeightMix("BF16")}, folder_ / "hf", threads_).value();
  EXPECT_EQ(summary.matrix_types, "BF16");
  const auto checkpoint = OpenCheckpoint(folder_ / "hf").value();
  EXPECT_EQ(checkpoint->Tensor("blk.0.attn_q.weight")->view.type, DataType::kBF16);
  EXPECT_EQ(checkpoint->Tensor("blk.0.attn_norm.weight")->view.type, DataType::kF32);
  for (auto& [name, values] : expected_) {
    if (name.find("norm") != std::string::npos) continue;
    for (float& value : values) value = ToFloat(tensor::ToBf16(value));
  }
  ExpectRead(folder_ / "hf", expected_);
  EXPECT_THAT(WriteHuggingFaceModel(Content(), {.mix = FindWeightMix("Q8_0")}, folder_ / "x", threads_).error().message,
              HasSubstr("Q8_0: a Hugging Face folder has F32, F16 or BF16 weights"));
}

TEST_F(ModelWriterTest, KeepsRotaryScaling) {
  MakeModel("llama", true);
  RotaryConfig& rotary = config_.rotary;
  rotary.base = 500000;
  rotary.factor = 8;
  for (const auto scaling : {RotaryConfig::Scaling::kLinear, RotaryConfig::Scaling::kLlama3}) {
    rotary.scaling = scaling;
    ASSERT_TRUE(WriteGgufModel(Content(), {.overwrite = true}, folder_ / "model.gguf", threads_));
    ASSERT_TRUE(WriteHuggingFaceModel(Content(), {.overwrite = true}, folder_ / "hf", threads_));
    ExpectRead(folder_ / "model.gguf", expected_);
    ExpectRead(folder_ / "hf", expected_);
    // GGUF keeps Llama 3's rule as divisors; from these the rule is found again.
    ModelConfig config = OpenCheckpoint(folder_ / "model.gguf").value()->config();
    ModelContent content = Content();
    content.config = &config;
    ASSERT_TRUE(WriteHuggingFaceModel(content, {.overwrite = true}, folder_ / "hf", threads_));
    ExpectRead(folder_ / "hf", expected_);
  }
  rotary.scaling = RotaryConfig::Scaling::kNone;
  rotary.frequency_divisors = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_THAT(WriteHuggingFaceModel(Content(), {.overwrite = true}, folder_ / "hf", threads_).error().message,
              HasSubstr("not those of Llama 3's rule"));
}

TEST_F(ModelWriterTest, ReplacesNothingUnasked) {
  MakeModel("llama", true);
  ASSERT_TRUE(WriteGgufModel(Content(), {}, folder_ / "model.gguf", threads_));
  EXPECT_THAT(WriteGgufModel(Content(), {}, folder_ / "model.gguf", threads_).error().message,
              HasSubstr("exists already; pass --overwrite"));
  EXPECT_THAT(WriteHuggingFaceModel(Content(), {}, folder_, threads_).error().message, HasSubstr("exists already"));
  // A folder with other things in it stays in any case.
  EXPECT_THAT(WriteHuggingFaceModel(Content(), {.overwrite = true}, folder_, threads_).error().message,
              HasSubstr("holds \"model.gguf\""));
}

// A process that was killed while it wrote.
TEST_F(ModelWriterTest, ReplacesWhatAnInterruptedWriterHasLeft) {
  MakeModel("llama", true);
  fs::create_directory(folder_ / "hf.partial");
  for (const char* name : {"config.json", "tokenizer.json.partial", "model.safetensors.partial"}) {
    std::ofstream(folder_ / "hf.partial" / name) << "half";
  }
  const auto written = WriteHuggingFaceModel(Content(), {}, folder_ / "hf", threads_);
  ASSERT_TRUE(written) << written.error().message;
  ExpectRead(folder_ / "hf", expected_);
  EXPECT_FALSE(fs::exists(folder_ / "hf.partial"));
}

// What a training that diverged leaves behind.
TEST_F(ModelWriterTest, NumbersThatAreNoneAreNoModel) {
  MakeModel("llama", true);
  for (const float number : {INFINITY, NAN}) {
    for (const char* name : {"output_norm.weight", "blk.1.ffn_up.weight"}) {
      MakeModel("llama", true);
      expected_.at(name)[7] = number;
      for (const char* mix : {"F32", "BF16", "F16"}) {
        const WriteOptions options = {.mix = FindWeightMix(mix)};
        for (const auto& written : {WriteGgufModel(Content(), options, folder_ / "model.gguf", threads_),
                                    WriteHuggingFaceModel(Content(), options, folder_ / "hf", threads_)}) {
          ASSERT_FALSE(written) << mix;
          EXPECT_THAT(written.error().message, HasSubstr(name));
        }
      }
    }
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(ModelWriterTest, LeavesNothingBehindAfterAnError) {
  MakeModel("llama", true);
  vocabulary_.splits = {{.pattern = "no known one"}};
  EXPECT_THAT(WriteGgufModel(Content(), {}, folder_ / "model.gguf", threads_).error().message,
              HasSubstr("GGUF has no name for this tokenizer"));
  vocabulary_.space_prefix = tokenizer::SpacePrefix::kEveryText;
  EXPECT_FALSE(WriteHuggingFaceModel(Content(), {}, folder_ / "hf", threads_));
  EXPECT_TRUE(fs::is_empty(folder_));
}

}  // namespace
}  // namespace tenfold::model
