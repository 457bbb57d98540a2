#include <system_error>
#include <vector>

#include "tenfold/base/progress.h"
#include "tenfold/formats/gguf_writer.h"
#include "tenfold/model/generation_config.h"
#include "tenfold/model/gguf_row_order.h"
#include "tenfold/model/gguf_vocabulary_writer.h"
#include "tenfold/model/model_writer.h"
#include "tenfold/model/row_stream.h"
#include "tenfold/model/written_tensors.h"

namespace tenfold::model {
namespace {

Result<formats::GgufHeaderBuilder> BuildHeader(const ModelContent& content, const std::vector<WrittenTensor>& tensors,
                                               const std::vector<float>& divisors, const WeightMix* mix) {
  formats::GgufHeaderBuilder header;
  WriteGgufConfig(*content.config, header);
  header.SetUint32("general.file_type", MixOf(tensors, mix).file_type);
  header.SetUint32("general.quantization_version", formats::kQuantizationVersion);
  SetSamplingDefaults(content.sampling_defaults, header);
  if (content.tokenizer_file == nullptr) {
    RETURN_IF_ERROR(WriteGgufVocabulary(*content.vocabulary, content.config->vocab_size, header));
  } else {
    for (const auto& [key, value] : content.tokenizer_file->metadata()) {
      if (key.starts_with("tokenizer.")) RETURN_IF_ERROR(header.CopyValue(*content.tokenizer_file, key));
    }
  }
  for (const WrittenTensor& tensor : tensors) {
    header.AddTensor(tensor.parameter.name, tensor.parameter.shape, tensor.type);
  }
  if (!divisors.empty()) {
    header.AddTensor("rope_freqs.weight", {static_cast<int64_t>(divisors.size())}, tensor::DataType::kF32);
  }
  return header;
}

}  // namespace

Result<WriteSummary> WriteGgufModel(const ModelContent& content, const WriteOptions& options,
                                    const std::filesystem::path& out, platform::ThreadPool& threads) {
  RETURN_IF_ERROR(RefuseExisting(out, options.overwrite));
  ASSIGN_OR_RETURN(const auto tensors, ListWrittenTensors(content, options.mix, Container::kGguf));
  const std::vector<float> divisors = FrequencyDivisors(content.config->rotary);
  ASSIGN_OR_RETURN(const auto header, BuildHeader(content, tensors, divisors, options.mix));
  ASSIGN_OR_RETURN(formats::GgufWriter writer, formats::GgufWriter::Create(out, header));
  const WriteSummary summary = Summarize(tensors, options.mix);
  ProgressBar progress("Writing weights", summary.size_bytes);
  const ByteSink sink = [&](std::span<const std::byte> bytes) { return writer.WriteTensorData(bytes); };
  for (const WrittenTensor& tensor : tensors) {
    ASSIGN_OR_RETURN(RowReader rows, OpenWrittenTensor(content, tensor));
    rows = InOrder(std::move(rows), ModelRowsOfGguf(*content.config, tensor.parameter.name));
    RETURN_IF_ERROR(
        StreamRows({tensor.parameter.name, tensor.parameter.shape, tensor.type}, rows, threads, sink, progress));
  }
  if (!divisors.empty()) RETURN_IF_ERROR(sink(std::as_bytes(std::span(divisors))));
  RETURN_IF_ERROR(writer.Finish());
  return summary;
}

Status RefuseExisting(const std::filesystem::path& out, bool overwrite) {
  std::error_code ignored;  // what cannot be looked at fails when it is opened
  if (overwrite || !std::filesystem::exists(out, ignored)) return {};
  return MakeError(ErrorCode::kInvalidArgument, "{}: exists already; pass --overwrite to replace it", out.string());
}

}  // namespace tenfold::model
