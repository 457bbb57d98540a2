#include "tenfold/model/tiny_model_for_test.h"

#include <unistd.h>

#include <map>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"
#include "tenfold/formats/gguf_writer.h"
#include "tenfold/model/architectures.h"
#include "tenfold/model/model_writer.h"
#include "tenfold/tensor/quantized_blocks.h"
#include "tenfold/tokenizer/small_vocabulary.h"

namespace tenfold::model {
namespace {

using tensor::DataType;

constexpr int64_t kLayers = 2, kHeads = 4, kKvHeads = 2;

struct Widths {
  uint32_t hidden, head_dim, ffn;
};
// Rows of whole blocks of the type.
Widths WidthsFor(DataType type) {
  return tensor::Traits(type).block_elements > 32 ? Widths{256, 64, 256} : Widths{32, 8, 64};
}

struct Token {
  std::string text;
  float score;
  int32_t type;
};

std::vector<Token> Vocabulary() {
  std::vector<Token> tokens = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}};
  for (int byte = 0; byte < 256; ++byte) tokens.push_back({fmt::format("<0x{:02X}>", byte), 0, 6});
  const std::string space = "\xe2\x96\x81";  // "▁"
  tokens.push_back({space, -100, 1});
  for (char letter = 'a'; letter <= 'z'; ++letter) tokens.push_back({std::string(1, letter), -90, 1});
  for (const char* word : {"th", "the", "an", "and", "on", "ce"}) {
    tokens.push_back({word, -10.0f - static_cast<float>(tokens.size() % 7), 1});
    tokens.push_back({space + word, -5.0f - static_cast<float>(tokens.size() % 7), 1});
  }
  return tokens;
}

void DescribeModel(const Widths& widths, const std::vector<Token>& vocabulary, formats::GgufHeaderBuilder& header) {
  header.SetString("general.architecture", "llama");
  header.SetString("general.name", "tiny test model");
  header.SetUint32("llama.context_length", 512);
  header.SetUint32("llama.embedding_length", widths.hidden);
  header.SetUint32("llama.block_count", kLayers);
  header.SetUint32("llama.feed_forward_length", widths.ffn);
  header.SetUint32("llama.attention.head_count", kHeads);
  header.SetUint32("llama.attention.head_count_kv", kKvHeads);
  header.SetFloat32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  header.SetUint32("llama.rope.dimension_count", widths.head_dim);
  header.SetString("tokenizer.ggml.model", "llama");
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<int32_t> types;
  for (const Token& token : vocabulary) {
    texts.push_back(token.text);
    scores.push_back(token.score);
    types.push_back(token.type);
  }
  header.SetStrings("tokenizer.ggml.tokens", texts);
  header.SetFloat32s("tokenizer.ggml.scores", scores);
  header.SetInt32s("tokenizer.ggml.token_type", types);
}

struct Weight {
  std::string name;
  tensor::Shape shape;
  bool is_norm;
};

std::vector<Weight> Weights(const Widths& widths, int64_t vocab_size) {
  std::vector<Weight> weights = {{"token_embd.weight", {vocab_size, widths.hidden}, false},
                                 {"output_norm.weight", {widths.hidden}, true}};
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    const auto add = [&](const char* name, tensor::Shape shape, bool is_norm = false) {
      weights.push_back({fmt::format("blk.{}.{}.weight", layer, name), shape, is_norm});
    };
    add("attn_norm", {widths.hidden}, true);
    add("attn_q", {kHeads * widths.head_dim, widths.hidden});
    add("attn_k", {kKvHeads * widths.head_dim, widths.hidden});
    add("attn_v", {kKvHeads * widths.head_dim, widths.hidden});
    add("attn_output", {widths.hidden, kHeads * widths.head_dim});
    add("ffn_norm", {widths.hidden}, true);
    add("ffn_gate", {widths.ffn, widths.hidden});
    add("ffn_up", {widths.ffn, widths.hidden});
    add("ffn_down", {widths.hidden, widths.ffn});
  }
  return weights;
}

}  // namespace

std::filesystem::path WriteTinyModel(DataType type) {
  const Widths widths = WidthsFor(type);
  const std::vector<Token> vocabulary = Vocabulary();
  const std::vector<Weight> weights = Weights(widths, static_cast<int64_t>(vocabulary.size()));
  formats::GgufHeaderBuilder header;
  DescribeModel(widths, vocabulary, header);
  for (const Weight& weight : weights)
    header.AddTensor(weight.name, weight.shape, weight.is_norm ? DataType::kF32 : type);
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("tenfold-tiny-{}-{}.gguf", Name(type), getpid());
  auto writer = formats::GgufWriter::Create(path, header);
  CHECK_MSG(writer.has_value(), "{}", writer.error().message);
  for (size_t w = 0; w < weights.size(); ++w) {
    const Weight& weight = weights[w];
    const DataType stored = weight.is_norm ? DataType::kF32 : type;
    std::vector<float> values(static_cast<size_t>(weight.shape.num_elements()), 1.0f);
    // Large enough that logits differ by whole units and random choices have something to choose from.
    for (size_t i = 0; !weight.is_norm && i < values.size(); ++i)
      values[i] = static_cast<float>(UniformDouble(17, w, i) - 0.5);
    std::vector<std::byte> bytes(tensor::RowBytes(stored, static_cast<int64_t>(values.size())));
    tensor::QuantizeRow(stored, values, bytes.data());
    CHECK(writer->WriteTensorData(bytes).has_value());
  }
  CHECK(writer->Finish().has_value());
  return path;
}

std::filesystem::path WriteTinyGpt2(DataType type) {
  const tokenizer::Vocabulary vocabulary = tokenizer::SmallByteLevel({{"t", "h"}, {"th", "e"}, {" ", "the"}});
  ModelConfig config;
  config.architecture = "gpt2";
  config.num_layers = kLayers;
  config.hidden_size = 32;
  config.ffn_size = 64;
  config.num_heads = config.num_kv_heads = kHeads;
  config.head_dim = 8;
  config.vocab_size = static_cast<int64_t>(vocabulary.tokens.size());
  config.context_length = 512;
  config.tied_head = config.has_biases = true;
  std::map<std::string, std::vector<float>> tensors;
  for (const graph::Parameter& parameter : BuildGraph(config).parameters) {
    const uint64_t stream = tensors.size();
    std::vector<float>& values = tensors[parameter.name];
    values.resize(static_cast<size_t>(parameter.shape.num_elements()));
    const float offset = parameter.name.ends_with("norm.weight") ? 0.5f : -0.5f;
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(UniformDouble(18, stream, i)) + offset;
    }
  }
  const FloatWeights weights([&](const std::string& name) { return std::span<const float>(tensors.at(name)); });
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("tenfold-tiny-gpt2-{}-{}.gguf", Name(type), getpid());
  platform::ThreadPool threads(1);
  const auto written = WriteGgufModel({.config = &config, .vocabulary = &vocabulary, .weights = &weights},
                                      {.mix = FindWeightMix(Name(type)), .overwrite = true}, path, threads);
  CHECK_MSG(written.has_value(), "{}", written.error().message);
  return path;
}

}  // namespace tenfold::model
