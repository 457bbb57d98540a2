#include "tenfold/model/synth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <system_error>
#include <vector>

#include "tenfold/base/check.h"
#include "tenfold/base/progress.h"
#include "tenfold/base/random.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/formats/gguf_writer.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/model/gguf_vocabulary.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::model {
namespace {

using tensor::DataType;

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

constexpr float kNormEpsilon = 1e-5f;  // of all these models

struct SynthTensor {
  std::string name;
  tensor::Shape shape;  // [rows, cols]; norms have one dimension
  DataType type;
  bool is_fallback = false;
};

std::vector<SynthTensor> ListTensors(const SynthShape& shape, int64_t vocab_size, const WeightMix& mix) {
  std::vector<SynthTensor> tensors;
  const auto matrix = [&](std::string name, int64_t rows, int64_t cols, MatrixPlace place = {}) {
    const DataType wanted = TypeOf(mix, place);
    const DataType type = TypeForRowsOf(cols, wanted);
    tensors.push_back({std::move(name), {rows, cols}, type, type != wanted});
  };
  const auto norm = [&](std::string name) {
    tensors.push_back({std::move(name), {shape.hidden_size}, DataType::kF32});
  };
  const int64_t kv_size = shape.hidden_size / shape.num_heads * shape.num_kv_heads;

  const MatrixPlace table = {shape.tied_head ? MatrixRole::kOutput : MatrixRole::kOther};
  matrix("token_embd.weight", vocab_size, shape.hidden_size, table);
  for (int64_t layer = 0; layer < shape.num_layers; ++layer) {
    const auto name = [&](const char* part) { return fmt::format("blk.{}.{}.weight", layer, part); };
    const MatrixPlace value = {MatrixRole::kValue, layer, shape.num_layers};
    const MatrixPlace down = {MatrixRole::kFfnDown, layer, shape.num_layers};
    norm(name("attn_norm"));
    matrix(name("attn_q"), shape.hidden_size, shape.hidden_size);
    matrix(name("attn_k"), kv_size, shape.hidden_size);
    matrix(name("attn_v"), kv_size, shape.hidden_size, value);
    matrix(name("attn_output"), shape.hidden_size, shape.hidden_size);
    norm(name("ffn_norm"));
    matrix(name("ffn_gate"), shape.ffn_size, shape.hidden_size);
    matrix(name("ffn_up"), shape.ffn_size, shape.hidden_size);
    matrix(name("ffn_down"), shape.hidden_size, shape.ffn_size, down);
  }
  norm("output_norm.weight");
  if (!shape.tied_head) matrix("output.weight", vocab_size, shape.hidden_size, {MatrixRole::kOutput});
  return tensors;
}

Result<formats::GgufHeaderBuilder> BuildHeader(const SynthOptions& options, const formats::GgufFile& vocabulary,
                                               int64_t vocab_size) {
  const SynthShape& shape = *options.shape;
  formats::GgufHeaderBuilder header;
  header.SetString("general.architecture", "llama");
  header.SetString("general.name", fmt::format("synthetic {}", shape.name));
  header.SetUint32("general.file_type", options.mix->file_type);
  header.SetUint32("general.quantization_version", 2);
  const auto set = [&](const char* key, int64_t value) { header.SetUint32(key, static_cast<uint32_t>(value)); };
  set("llama.vocab_size", vocab_size);
  set("llama.block_count", shape.num_layers);
  set("llama.context_length", shape.context_length);
  set("llama.embedding_length", shape.hidden_size);
  set("llama.feed_forward_length", shape.ffn_size);
  set("llama.attention.head_count", shape.num_heads);
  set("llama.attention.head_count_kv", shape.num_kv_heads);
  set("llama.rope.dimension_count", shape.hidden_size / shape.num_heads);
  header.SetFloat32("llama.attention.layer_norm_rms_epsilon", kNormEpsilon);
  header.SetFloat32("llama.rope.freq_base", static_cast<float>(shape.rotary_base));
  for (const auto& [key, value] : vocabulary.metadata()) {
    if (!key.starts_with("tokenizer.")) continue;
    RETURN_IF_ERROR(header.CopyValue(vocabulary, key));
  }
  return header;
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

// Draws matrices in pieces of several rows on all threads and hands them to the writer.
class RowStream {
 public:
  RowStream(formats::GgufWriter& writer, platform::ThreadPool& threads, ProgressBar& progress)
      : writer_(&writer), threads_(&threads), progress_(&progress), rows_(static_cast<size_t>(threads.num_threads())) {}

  Status WriteNorm(int64_t size) {
    const std::vector<float> ones(static_cast<size_t>(size), 1.0f);
    return Write(std::as_bytes(std::span(ones)));
  }

  Status WriteMatrix(const SynthTensor& matrix, uint64_t seed, uint64_t stream) {
    constexpr size_t kPieceBytes = size_t{8} << 20;  // many rows for each thread, little memory
    const int64_t cols = matrix.shape.cols();
    const size_t row_bytes = tensor::RowBytes(matrix.type, cols);
    const auto rows_at_once = static_cast<int64_t>(std::max<size_t>(kPieceBytes / row_bytes, 1));
    for (std::vector<float>& row : rows_) row.resize(static_cast<size_t>(cols));
    for (int64_t begin = 0; begin < matrix.shape.rows(); begin += rows_at_once) {
      const int64_t count = std::min(rows_at_once, matrix.shape.rows() - begin);
      encoded_.resize(static_cast<size_t>(count) * row_bytes);
      threads_->Run(count, [&](int64_t index, int thread) {
        std::vector<float>& row = rows_[static_cast<size_t>(thread)];
        FillRow(seed, stream, begin + index, row);
        tensor::QuantizeRow(matrix.type, row, encoded_.data() + static_cast<size_t>(index) * row_bytes);
      });
      RETURN_IF_ERROR(Write(encoded_));
    }
    return {};
  }

 private:
  Status Write(std::span<const std::byte> bytes) {
    RETURN_IF_ERROR(writer_->WriteTensorData(bytes));
    progress_->Advance(bytes.size());
    return {};
  }

  formats::GgufWriter* writer_;
  platform::ThreadPool* threads_;
  ProgressBar* progress_;
  std::vector<std::vector<float>> rows_;  // one per thread
  std::vector<std::byte> encoded_;
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

Result<SynthSummary> WriteSynthModel(const SynthOptions& options, platform::ThreadPool& threads) {
  std::error_code ignored;  // what cannot be looked at fails when it is opened
  if (!options.overwrite && std::filesystem::exists(options.out, ignored)) {
    return MakeError(ErrorCode::kInvalidArgument, "{}: the file exists already; pass --force to replace it",
                     options.out.string());
  }
  ASSIGN_OR_RETURN(const auto file, formats::GgufFile::Open(options.vocabulary));
  ASSIGN_OR_RETURN(const auto vocabulary, ReadGgufVocabulary(file));
  const auto vocab_size = static_cast<int64_t>(vocabulary.tokens.size());

  ASSIGN_OR_RETURN(formats::GgufHeaderBuilder header, BuildHeader(options, file, vocab_size));
  const std::vector<SynthTensor> tensors = ListTensors(*options.shape, vocab_size, *options.mix);
  SynthSummary summary;
  uint64_t num_bytes = 0;
  for (const SynthTensor& tensor : tensors) {
    header.AddTensor(tensor.name, tensor.shape, tensor.type);
    summary.num_parameters += tensor.shape.num_elements();
    summary.num_fallbacks += tensor.is_fallback;
    num_bytes += header.tensor_sizes().back();
  }

  ASSIGN_OR_RETURN(formats::GgufWriter writer, formats::GgufWriter::Create(options.out, header));
  ProgressBar progress("Writing weights", num_bytes);
  RowStream rows(writer, threads, progress);
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].shape.rank() == 1) {
      RETURN_IF_ERROR(rows.WriteNorm(tensors[i].shape.cols()));
    } else {
      RETURN_IF_ERROR(rows.WriteMatrix(tensors[i], options.seed, i));
    }
  }
  RETURN_IF_ERROR(writer.Finish());
  return summary;
}

}  // namespace tenfold::model
