#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/base/progress.h"
#include "tenfold/formats/partial_file.h"
#include "tenfold/formats/partial_folder.h"
#include "tenfold/formats/safetensors_writer.h"
#include "tenfold/model/hugging_face_config_writer.h"
#include "tenfold/model/hugging_face_names.h"
#include "tenfold/model/model_writer.h"
#include "tenfold/model/row_stream.h"
#include "tenfold/model/written_tensors.h"
#include "tenfold/tokenizer/tokenizer_json_writer.h"

namespace tenfold::model {
namespace {

// What a model's folder may hold without anything of the user's being lost with it.
bool IsOfAModel(std::string_view name) {
  constexpr std::array<std::string_view, 7> kNames = {"config.json",
                                                      "generation_config.json",
                                                      "tokenizer.json",
                                                      "tokenizer_config.json",
                                                      "special_tokens_map.json",
                                                      "chat_template.jinja",
                                                      "model.safetensors.index.json"};
  constexpr std::string_view kPartial = ".partial";  // of a process that was killed
  if (name.ends_with(kPartial)) name.remove_suffix(kPartial.size());
  return std::ranges::find(kNames, name) != kNames.end() || name.ends_with(".safetensors");
}

// One member a line, for people to read.
std::string Lines(const json::object& object) {
  std::string text = "{";
  for (const auto& [key, value] : object) {
    text += text.size() > 1 ? ",\n  " : "\n  ";
    text += json::serialize(json::value(key)) + ": " + json::serialize(value);
  }
  return text + "\n}\n";
}

HuggingFaceName NameOf(const ModelContent& content, const WrittenTensor& tensor) {
  return HuggingFaceNameOf(content.config->architecture, tensor.parameter.name).value();
}

tensor::Shape StoredShape(const WrittenTensor& tensor, bool is_transposed) {
  const tensor::Shape& shape = tensor.parameter.shape;
  return is_transposed ? tensor::Shape{shape.cols(), shape.rows()} : shape;
}

// The columns of a matrix as rows, which are kept in memory as long as the result is.
RowReader Columns(const RowReader& rows, const tensor::Shape& shape) {
  const auto num_rows = static_cast<size_t>(shape.rows()), num_cols = static_cast<size_t>(shape.cols());
  std::vector<float> values(num_rows * num_cols);
  for (size_t row = 0; row < num_rows; ++row) {
    rows(static_cast<int64_t>(row), std::span(values).subspan(row * num_cols, num_cols));
  }
  const tensor::TensorView view = {tensor::DataType::kF32, shape, reinterpret_cast<const std::byte*>(values.data())};
  return ReadRows({.view = view, .row_order = {}, .is_transposed = true});  // which copies them
}

Status WriteWeights(const ModelContent& content, std::vector<WrittenTensor> tensors, uint64_t size_bytes,
                    const std::filesystem::path& path, platform::ThreadPool& threads) {
  // The format's way to have each at a multiple of its element size.
  std::ranges::stable_sort(tensors, std::greater<>(),
                           [](const WrittenTensor& t) { return tensor::Traits(t.type).block_bytes; });
  formats::SafetensorsHeaderBuilder header;
  for (const WrittenTensor& tensor : tensors) {
    const auto [name, is_transposed] = NameOf(content, tensor);
    header.AddTensor(name, StoredShape(tensor, is_transposed), tensor.type);
  }
  ASSIGN_OR_RETURN(auto writer, formats::SafetensorsWriter::Create(path, header));
  ProgressBar progress("Writing weights", size_bytes);
  const ByteSink sink = [&](std::span<const std::byte> bytes) { return writer.WriteTensorData(bytes); };
  for (const WrittenTensor& tensor : tensors) {
    ASSIGN_OR_RETURN(RowReader rows, OpenWrittenTensor(content, tensor));
    const bool is_transposed = NameOf(content, tensor).is_transposed;
    if (is_transposed) rows = Columns(rows, tensor.parameter.shape);
    const StreamedTensor streamed = {tensor.parameter.name, StoredShape(tensor, is_transposed), tensor.type};
    RETURN_IF_ERROR(StreamRows(streamed, rows, threads, sink, progress));
  }
  return writer.Finish();
}

}  // namespace

Result<WriteSummary> WriteHuggingFaceModel(const ModelContent& content, const WriteOptions& options,
                                           const std::filesystem::path& out, platform::ThreadPool& threads) {
  RETURN_IF_ERROR(RefuseExisting(out, options.overwrite));
  ASSIGN_OR_RETURN(const auto tensors, ListWrittenTensors(content, options.mix, Container::kSafetensors));
  const WriteSummary summary = Summarize(tensors, options.mix);
  ASSIGN_OR_RETURN(const json::object config,
                   HuggingFaceConfig(*content.config, *content.vocabulary, MixOf(tensors, options.mix).type));
  ASSIGN_OR_RETURN(const json::object tokenizer, tokenizer::TokenizerJson(*content.vocabulary));
  ASSIGN_OR_RETURN(auto folder, formats::PartialFolder::Create(out, IsOfAModel));
  const auto write = [&](const char* name, const std::string& text) {
    return formats::WriteWhole(folder.path() / name, text);
  };
  RETURN_IF_ERROR(write("config.json", Lines(config)));
  RETURN_IF_ERROR(write("generation_config.json",
                        Lines(HuggingFaceGenerationConfig(content.sampling_defaults, *content.vocabulary))));
  RETURN_IF_ERROR(write("tokenizer.json", Lines(tokenizer)));
  RETURN_IF_ERROR(write("tokenizer_config.json", Lines(tokenizer::TokenizerConfigJson(*content.vocabulary))));
  RETURN_IF_ERROR(WriteWeights(content, tensors, summary.size_bytes, folder.path() / "model.safetensors", threads));
  RETURN_IF_ERROR(folder.Commit());
  return summary;
}

}  // namespace tenfold::model
