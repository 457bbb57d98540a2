#include "tenfold/model/synth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/model/architectures.h"
#include "tenfold/model/gguf_vocabulary.h"

namespace tenfold::model {
namespace {

constexpr std::array<SynthShape, 7> kShapes = {{
    // name            layers hidden   ffn heads kv  context  rotary   tied
    {"tinyllama-1.1b", 22, 2048, 5632, 32, 4, 2048, 10000, false},
    {"llama-3.2-1b", 16, 2048, 8192, 32, 8, 131072, 500000, true},
    {"llama-3.1-8b", 32, 4096, 14336, 32, 8, 131072, 500000, false},
    {"smollm2-135m", 30, 576, 1536, 9, 3, 8192, 100000, true},
    {"small-19m", 6, 512, 1536, 8, 4, 2048, 10000, true},  // in F32 twice a large cache, so that a step reads memory
    {"tiny", 2, 64, 128, 4, 2, 512, 10000, false},
    {"tiny-256", 2, 256, 512, 4, 2, 512, 10000, false},  // for types in blocks of 256
}};

ModelConfig ConfigOf(const SynthShape& shape, int64_t vocab_size) {
  ModelConfig config;
  config.architecture = "llama";
  config.name = fmt::format("synthetic {}", shape.name);
  config.num_layers = shape.num_layers;
  config.hidden_size = shape.hidden_size;
  config.ffn_size = shape.ffn_size;
  config.num_heads = shape.num_heads;
  config.num_kv_heads = shape.num_kv_heads;
  config.head_dim = shape.hidden_size / shape.num_heads;
  config.vocab_size = vocab_size;
  config.context_length = shape.context_length;
  config.norm_epsilon = 1e-5;  // of all these models
  config.tied_head = shape.tied_head;
  config.rotary.dimensions = config.head_dim;
  config.rotary.base = shape.rotary_base;
  return config;
}

// Fills one row with draws of mean 0 and standard deviation 1 / sqrt(cols): sums of four uniform bytes, which is near
// enough to a normal distribution and costs a quarter of a Philox call each.
void FillRow(uint64_t seed, uint64_t stream, int64_t row, std::span<float> out) {
  constexpr float kMean = 4 * 127.5f;
  constexpr double kVariance = 4 * (256.0 * 256.0 - 1) / 12;
  const auto scale = static_cast<float>(1 / std::sqrt(kVariance * static_cast<double>(out.size())));
  const auto draw = [&](uint32_t word) {
    const uint32_t sum = (word & 0xff) + (word >> 8 & 0xff) + (word >> 16 & 0xff) + (word >> 24);
    return (static_cast<float>(sum) - kMean) * scale;
  };
  CHECK_EQ(out.size() % 4, 0u);
  const uint64_t first_counter = static_cast<uint64_t>(row) * (out.size() / 4);
  for (size_t i = 0; i < out.size(); i += 4) {
    const std::array<uint32_t, 4> words = Philox(seed, stream, first_counter + i / 4);
    for (size_t j = 0; j < 4; ++j) out[i + j] = draw(words[j]);
  }
}

// Draws matrices; norms are ones. Each tensor has a stream of its own, by its place in the model's graph.
class DrawnWeights final : public WeightSource {
 public:
  DrawnWeights(const ModelConfig& config, uint64_t seed) : seed_(seed) {
    for (const graph::Parameter& parameter : BuildGraph(config).parameters) {
      streams_.emplace(parameter.name, streams_.size());
    }
  }

  Result<tensor::DataType> TypeOf(const std::string&) const override { return tensor::DataType::kF32; }
  Result<RowReader> Open(const graph::Parameter& tensor) const override {
    if (tensor.shape.rank() == 1) return [](int64_t, std::span<float> out) { std::ranges::fill(out, 1.0f); };
    return [seed = seed_, stream = streams_.at(tensor.name)](int64_t row, std::span<float> out) {
      FillRow(seed, stream, row, out);
    };
  }

 private:
  uint64_t seed_;
  std::map<std::string, uint64_t> streams_;
};

}  // namespace

std::span<const SynthShape> SynthShapes() {
  return kShapes;
}

Result<const SynthShape*> FindSynthShape(std::string_view name) {
  std::string names;
  for (const SynthShape& shape : kShapes) {
    if (shape.name == name) return &shape;
    names += (names.empty() ? "" : ", ") + std::string(shape.name);
  }
  return MakeError(ErrorCode::kInvalidArgument, "no shape is named {}; there are: {}", formats::Quoted(name), names);
}

Result<WriteSummary> WriteSynthModel(const SynthOptions& options, platform::ThreadPool& threads) {
  ASSIGN_OR_RETURN(const auto file, formats::GgufFile::Open(options.vocabulary));
  ASSIGN_OR_RETURN(const auto vocabulary, ReadGgufVocabulary(file));
  const ModelConfig config = ConfigOf(*options.shape, static_cast<int64_t>(vocabulary.tokens.size()));
  const DrawnWeights weights(config, options.seed);
  return WriteGgufModel({.config = &config, .vocabulary = &vocabulary, .weights = &weights, .tokenizer_file = &file},
                        {.mix = options.mix, .overwrite = options.overwrite}, options.out, threads);
}

}  // namespace tenfold::model
