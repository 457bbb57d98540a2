#include "tenfold/model/quantize.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/test_data.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/model/model.h"
#include "tenfold/model/perplexity.h"
#include "tenfold/model/synth.h"
#include "tenfold/model/tiny_model_for_test.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::model {
namespace {

namespace fs = std::filesystem;
using formats::GgufFile;
using tensor::DataType;
using testing::HasSubstr;

class QuantizeTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  WriteSummary Quantize(const fs::path& in, const char* mix, const fs::path& out) {
    return QuantizeModel({.in = in, .out = out, .mix = FindWeightMix(mix), .overwrite = true}, threads_).value();
  }
  // Random weights whose rows are whole blocks of every type.
  fs::path WideModel() {
    const fs::path path = folder_ / "wide.gguf";
    EXPECT_TRUE(WriteSynthModel({.shape = FindSynthShape("tiny-256").value(),
                                 .mix = FindWeightMix("F32"),
                                 .vocabulary = WriteTinyModel(DataType::kF32),
                                 .out = path,
                                 .overwrite = true},
                                threads_));
    return path;
  }

  const fs::path folder_ = fs::temp_directory_path() / fmt::format("tenfold_quantize_{}", getpid());
  platform::ThreadPool threads_{2};
};

std::span<const std::byte> Bytes(const GgufFile& file, std::string_view name) {
  return file.FindTensor(name)->bytes;
}

void ExpectSameMetadata(const GgufFile& a, const GgufFile& b, bool same_types) {
  ASSERT_EQ(a.metadata().size(), b.metadata().size());
  for (const auto& [key, value] : a.metadata()) {
    if (key == "general.file_type" && !same_types) continue;
    EXPECT_TRUE(std::ranges::equal(a.EncodedValue(key), b.EncodedValue(key))) << key;
  }
}

// Every row is what the plain conversion makes of it; vectors and everything that is said of the model stay bit for bit.
TEST_F(QuantizeTest, EncodesEachRowAsThePlainConversionDoes) {
  const fs::path in = WideModel(), out = folder_ / "out.gguf";
  const GgufFile original = GgufFile::Open(in).value();
  for (const WeightMix& mix : WeightMixes()) {
    EXPECT_EQ(Quantize(in, mix.name.data(), out).num_fallbacks, 0);
    const GgufFile quantized = GgufFile::Open(out).value();
    ExpectSameMetadata(original, quantized, /*same_types=*/false);
    EXPECT_THAT(quantized.GetInt("general.file_type").value(), testing::Optional(int64_t{mix.file_type}));
    ASSERT_EQ(original.tensors().size(), quantized.tensors().size());
    for (const formats::GgufTensor& tensor : quantized.tensors()) {
      const tensor::TensorView from = original.Tensor(tensor.name).value();
      if (tensor.shape.rank() == 1) {
        EXPECT_EQ(tensor.type, DataType::kF32);
        EXPECT_TRUE(std::ranges::equal(tensor.bytes, Bytes(original, tensor.name)));
        continue;
      }
      const DataType type = tensor.type.value();
      EXPECT_TRUE(type == mix.type || (mix.has_upgrades && type == DataType::kQ6_K)) << tensor.name;
      std::vector<std::byte> row(tensor::RowBytes(type, tensor.shape.cols()));
      for (int64_t r = 0; r < tensor.shape.rows(); ++r) {
        const auto* values = reinterpret_cast<const float*>(from.row(r));
        tensor::QuantizeRow(type, {values, static_cast<size_t>(tensor.shape.cols())}, row.data());
        const auto written = tensor.bytes.subspan(static_cast<size_t>(r) * row.size(), row.size());
        ASSERT_TRUE(std::ranges::equal(written, row)) << mix.name << " " << tensor.name << " row " << r;
      }
    }
  }
}

TEST_F(QuantizeTest, DoesNotDependOnTheNumberOfThreads) {
  const fs::path in = WideModel();
  platform::ThreadPool one(1), three(3);
  const WeightMix* mix = FindWeightMix("Q4_K_M");
  ASSERT_TRUE(QuantizeModel({.in = in, .out = folder_ / "1", .mix = mix}, one));
  ASSERT_TRUE(QuantizeModel({.in = in, .out = folder_ / "3", .mix = mix}, three));
  EXPECT_TRUE(platform::ReadTextFile(folder_ / "1").value() == platform::ReadTextFile(folder_ / "3").value());
}

// The fewer bits, the greater the errors of the weights.
TEST_F(QuantizeTest, ErrorsGrowAsBitsGoAway) {
  const fs::path in = WideModel(), out = folder_ / "out.gguf";
  const GgufFile original = GgufFile::Open(in).value();
  double last = 0;
  for (const char* mix : {"F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K", "Q4_K_M", "Q4_K", "Q4_0"}) {
    Quantize(in, mix, out);
    const GgufFile quantized = GgufFile::Open(out).value();
    double squares = 0;
    for (const formats::GgufTensor& tensor : quantized.tensors()) {
      const tensor::TensorView from = original.Tensor(tensor.name).value();
      std::vector<float> values(static_cast<size_t>(tensor.shape.num_elements())), others(values.size());
      tensor::DequantizeRow(from.type, from.data, values);
      tensor::DequantizeRow(tensor.type.value(), tensor.bytes.data(), others);
      for (size_t i = 0; i < values.size(); ++i) squares += std::pow(static_cast<double>(values[i] - others[i]), 2);
    }
    EXPECT_GE(squares, last) << mix;
    EXPECT_EQ(squares == 0, mix == std::string("F32"));
    last = squares;
  }
}

TEST_F(QuantizeTest, PerplexityGrowsAsBitsGoAway) {
  REQUIRE_SHARED("models/stories260K.gguf");
  REQUIRE_SHARED("models/stories260K-greedy.json");
  const json::value records =
      ParseJson(platform::ReadTextFile(SharedData("models/stories260K-greedy.json")).value(), "records").value();
  const auto perplexity = [&](const char* mix) {
    Quantize(SharedData("models/stories260K.gguf"), mix, folder_ / "out.gguf");
    const auto model = Model::Load(folder_ / "out.gguf", threads_).value();
    double total = 0;
    int64_t count = 0;
    for (const json::value& record : records.as_array()) {
      auto ids = json::value_to<std::vector<TokenId>>(record.at("prompt_ids"));
      for (const json::value& id : record.at("completion_ids").as_array()) ids.push_back(id.to_number<TokenId>());
      ids.erase(ids.begin());
      const auto measured = MeasurePerplexity(*model, ids, {.kv_cache_type = DataType::kF32},
                                              *kernels::SelectKernels("portable", {}).value(), threads_);
      total += measured->total_nll;
      count += measured->num_tokens;
    }
    return std::exp(total / static_cast<double>(count));
  };
  // Rows of 64 have no K types: Q4_K_M falls back to Q8_0, and F16 in rows of 172.
  const double f32 = perplexity("F32"), q8_0 = perplexity("Q8_0"), q4_k_m = perplexity("Q4_K_M"),
               q4_0 = perplexity("Q4_0");
  EXPECT_NEAR(q8_0, f32, 0.01 * f32);
  EXPECT_NEAR(q4_k_m, f32, 0.01 * f32);
  EXPECT_GT(q4_0, 1.01 * f32);
  EXPECT_LT(q4_0, 1.5 * f32);
}

TEST_F(QuantizeTest, CountsFallbacks) {
  REQUIRE_SHARED("models/stories260K.gguf");
  const WriteSummary summary = Quantize(SharedData("models/stories260K.gguf"), "Q4_K_M", folder_ / "out.gguf");
  EXPECT_EQ(summary.num_fallbacks, 1 + 5 * 7);
  const GgufFile file = GgufFile::Open(folder_ / "out.gguf").value();
  EXPECT_EQ(file.FindTensor("blk.0.attn_q.weight")->type, DataType::kQ8_0);   // rows of 64
  EXPECT_EQ(file.FindTensor("blk.0.ffn_down.weight")->type, DataType::kF16);  // rows of 172
}

// Also architectures that this program does not compute; the rows of a mixture's experts are rows as all others.
TEST_F(QuantizeTest, TakesOverWhatItDoesNotKnow) {
  REQUIRE_SHARED("models/arch/mixtral-moe.gguf");
  for (const char* name : {"qwen3moe.gguf", "mixtral-moe.gguf", "gemma3.gguf"}) {
    const fs::path in = SharedData(std::string("models/arch/") + name);
    Quantize(in, "Q8_0", folder_ / "out.gguf");
    const GgufFile original = GgufFile::Open(in).value(), file = GgufFile::Open(folder_ / "out.gguf").value();
    ASSERT_EQ(original.tensors().size(), file.tensors().size());
    for (const formats::GgufTensor& tensor : file.tensors()) {
      EXPECT_EQ(tensor.shape, original.FindTensor(tensor.name)->shape);
      const bool is_whole = tensor.shape.rank() == 1 || tensor.name.find("gate_inp") != std::string_view::npos;
      EXPECT_EQ(tensor.type == DataType::kF32, is_whole) << tensor.name;
    }
    for (const auto& [key, value] : original.metadata()) {
      if (key == "general.file_type") continue;
      EXPECT_TRUE(std::ranges::equal(original.EncodedValue(key), file.EncodedValue(key))) << key;
    }
  }
}

TEST_F(QuantizeTest, RefusesWhatWouldLoseMore) {
  const fs::path in = WideModel(), q8_0 = folder_ / "q8_0.gguf";
  Quantize(in, "Q8_0", q8_0);
  QuantizeOptions options = {.in = q8_0, .out = folder_ / "out.gguf", .mix = FindWeightMix("Q4_0")};
  EXPECT_THAT(QuantizeModel(options, threads_).error().message, HasSubstr("is in Q8_0 already"));
  options.allow_requantize = true;
  EXPECT_TRUE(QuantizeModel(options, threads_));
  // Nothing is lost on the way back to floats.
  EXPECT_TRUE(QuantizeModel({.in = q8_0, .out = folder_ / "f32.gguf", .mix = FindWeightMix("F32")}, threads_));
}

TEST_F(QuantizeTest, RefusesToWriteOverWhatItReads) {
  const fs::path in = WideModel();
  const std::string before = platform::ReadTextFile(in).value();
  const QuantizeOptions options = {
      .in = in, .out = folder_ / "." / "wide.gguf", .mix = FindWeightMix("Q8_0"), .overwrite = true};
  EXPECT_THAT(QuantizeModel(options, threads_).error().message, HasSubstr("is read from"));
  EXPECT_TRUE(platform::ReadTextFile(in).value() == before);
}

// What is being written has the name OUT.partial until it is whole.
TEST_F(QuantizeTest, RefusesToWriteOverWhatItReadsOnTheWay) {
  const std::string before = platform::ReadTextFile(WideModel()).value();
  const fs::path partial = folder_ / "out.gguf.partial", link = folder_ / "link.gguf", hard = folder_ / "hard.gguf";
  fs::rename(folder_ / "wide.gguf", partial);
  fs::create_symlink(partial, link);
  fs::create_hard_link(partial, hard);
  for (const fs::path& in : {partial, link, hard}) {
    EXPECT_THAT(
        QuantizeModel({.in = in, .out = folder_ / "out.gguf", .mix = FindWeightMix("Q8_0")}, threads_).error().message,
        HasSubstr("out.gguf.partial: is read from"));
  }
  EXPECT_TRUE(platform::ReadTextFile(partial).value() == before);
  fs::rename(partial, folder_ / "out.partial");
  EXPECT_THAT(ConvertModel({.in = folder_ / "out.partial", .out = folder_ / "out"}, threads_).error().message,
              HasSubstr("out.partial: is read from"));
  EXPECT_TRUE(platform::ReadTextFile(folder_ / "out.partial").value() == before);
}

class ConvertTest : public QuantizeTest {};

// There and back again.
TEST_F(ConvertTest, RoundTripsKeepEveryBit) {
  for (const char* name : {"stories260K.gguf", "arch/llama-gqa-untied.gguf", "arch/gpt2.gguf"}) {
    const std::string relative = std::string("models/") + name;
    REQUIRE_SHARED(relative);
    SCOPED_TRACE(name);
    const fs::path hf = folder_ / "hf", gguf = folder_ / "back.gguf";
    ASSERT_TRUE(ConvertModel({.in = SharedData(relative), .out = hf, .overwrite = true}, threads_));
    ASSERT_TRUE(ConvertModel({.in = hf, .out = gguf, .overwrite = true}, threads_));
    const GgufFile original = GgufFile::Open(SharedData(relative)).value(), back = GgufFile::Open(gguf).value();
    ASSERT_EQ(original.tensors().size(), back.tensors().size());
    for (const formats::GgufTensor& tensor : original.tensors()) {
      EXPECT_TRUE(std::ranges::equal(tensor.bytes, Bytes(back, tensor.name))) << tensor.name;
    }
    for (const char* key : {"tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.model",
                            "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id"}) {
      EXPECT_TRUE(std::ranges::equal(original.EncodedValue(key), back.EncodedValue(key))) << key;
    }
  }
}

TEST_F(ConvertTest, TheFolderInCirculationGivesTheFileInCirculation) {
  REQUIRE_SHARED("models/stories260K-hf");
  REQUIRE_SHARED("models/stories260K.gguf");
  ASSERT_TRUE(ConvertModel({.in = SharedData("models/stories260K-hf"), .out = folder_ / "out.gguf"}, threads_));
  const GgufFile theirs = GgufFile::Open(SharedData("models/stories260K.gguf")).value();
  const GgufFile ours = GgufFile::Open(folder_ / "out.gguf").value();
  for (const formats::GgufTensor& tensor : theirs.tensors()) {
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, Bytes(ours, tensor.name))) << tensor.name;
  }
}

TEST_F(ConvertTest, KeepsTypesThatTheFormatHas) {
  REQUIRE_SHARED("models/quant");
  for (const char* type : {"f32", "f16", "bf16", "q8_0", "q4_k"}) {
    const fs::path in = SharedData(fmt::format("models/quant/llama-256-{}.gguf", type));
    const fs::path hf = folder_ / "hf", gguf = folder_ / "back.gguf";
    ASSERT_TRUE(ConvertModel({.in = in, .out = hf, .overwrite = true}, threads_));
    ASSERT_TRUE(ConvertModel({.in = hf, .out = gguf, .overwrite = true}, threads_));
    const GgufFile original = GgufFile::Open(in).value(), back = GgufFile::Open(gguf).value();
    for (const formats::GgufTensor& tensor : original.tensors()) {
      const bool is_float = tensor::Traits(*tensor.type).block_elements == 1;
      EXPECT_EQ(back.FindTensor(tensor.name)->type, is_float ? *tensor.type : DataType::kF32) << tensor.name;
      // Dequantized exactly.
      std::vector<float> values(static_cast<size_t>(tensor.shape.num_elements())), others(values.size());
      tensor::DequantizeRow(*tensor.type, tensor.bytes.data(), values);
      const formats::GgufTensor& other = *back.FindTensor(tensor.name);
      tensor::DequantizeRow(*other.type, other.bytes.data(), others);
      EXPECT_TRUE(values == others) << tensor.name;
    }
  }
}

TEST_F(ConvertTest, SaysWhatIsConvertedAlready) {
  const fs::path in = WideModel();
  EXPECT_THAT(ConvertModel({.in = in, .out = folder_ / "b.gguf"}, threads_).error().message,
              HasSubstr("is a GGUF file already; `tenfold quantize`"));
  fs::create_directory(folder_ / "hf");
  EXPECT_THAT(ConvertModel({.in = folder_ / "hf", .out = folder_ / "b"}, threads_).error().message,
              HasSubstr("is a Hugging Face folder already"));
  EXPECT_THAT(ConvertModel({.in = folder_ / "absent", .out = folder_ / "b"}, threads_).error().message,
              HasSubstr("absent: no such file or folder"));
}

}  // namespace
}  // namespace tenfold::model
