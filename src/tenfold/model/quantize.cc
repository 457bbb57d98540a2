#include "tenfold/model/quantize.h"

#include <algorithm>
#include <array>
#include <string>
#include <system_error>
#include <vector>

#include "tenfold/base/progress.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/formats/gguf_writer.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/model/row_stream.h"
#include "tenfold/model/weight_source.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::model {
namespace {

using tensor::DataType;

bool IsQuantized(DataType type) {
  return tensor::Traits(type).block_elements > 1;
}

// `out`, and the name that it has until it is whole.
Status RefuseSame(const std::filesystem::path& in, const std::filesystem::path& out) {
  std::filesystem::path partial = out.has_filename() ? out : out.parent_path();  // "folder/"
  partial += ".partial";
  for (const std::filesystem::path& written : {out, partial}) {
    std::error_code ignored;  // what cannot be looked at fails when it is opened
    if (!std::filesystem::equivalent(in, written, ignored)) continue;
    return MakeError(ErrorCode::kInvalidArgument, "{}: is read from, so it cannot be written to; give another name",
                     written.string());
  }
  return {};
}

struct CopiedTensor {
  std::string name;
  tensor::TensorView view;
  DataType type;
  bool is_fallback = false;
};

// What is copied from one GGUF file to another, in the order of the file.
Result<std::vector<CopiedTensor>> ListTensors(const formats::GgufFile& file, const QuantizeOptions& options) {
  ASSIGN_OR_RETURN(const auto architecture, file.GetString("general.architecture"));
  ASSIGN_OR_RETURN(const auto num_layers, file.GetInt(std::string(architecture.value_or("")) + ".block_count"));
  const bool tied_head = file.FindTensor("output.weight") == nullptr;
  std::vector<CopiedTensor> tensors;
  for (const formats::GgufTensor& tensor : file.tensors()) {
    ASSIGN_OR_RETURN(const tensor::TensorView view, file.Tensor(tensor.name));
    CopiedTensor copied{.name = std::string(tensor.name), .view = view, .type = view.type};
    if (IsInMixes(tensor.name, tensor.shape)) {
      const MatrixPlace place = PlaceOf(tensor.name, num_layers.value_or(0), tied_head);
      const DataType wanted = TypeOf(*options.mix, place);
      copied.type = TypeForRowsOf(tensor.shape.cols(), wanted);
      copied.is_fallback = copied.type != wanted;
      if (IsQuantized(view.type) && IsQuantized(copied.type) && !options.allow_requantize) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "{}: tensor {} is in {} already, and quantizing it again loses more than quantizing the "
                         "original; use the model in F32, F16 or BF16, or pass --allow-requantize",
                         file.name(), tensor.name, Name(view.type));
      }
    }
    tensors.push_back(std::move(copied));
  }
  return tensors;
}

Result<formats::GgufHeaderBuilder> CopyHeader(const formats::GgufFile& file, const WeightMix& mix) {
  formats::GgufHeaderBuilder header;
  for (const auto& [key, value] : file.metadata()) {
    constexpr std::array<std::string_view, 3> kOurs = {"general.alignment", "general.file_type",
                                                       "general.quantization_version"};
    if (std::ranges::find(kOurs, key) != kOurs.end()) continue;
    RETURN_IF_ERROR(header.CopyValue(file, key));
  }
  header.SetUint32("general.file_type", mix.file_type);
  header.SetUint32("general.quantization_version", formats::kQuantizationVersion);
  return header;
}

Result<WriteSummary> QuantizeGguf(const QuantizeOptions& options, platform::ThreadPool& threads) {
  ASSIGN_OR_RETURN(const auto file, formats::GgufFile::Open(options.in));
  ASSIGN_OR_RETURN(const std::vector<CopiedTensor> tensors, ListTensors(file, options));
  ASSIGN_OR_RETURN(formats::GgufHeaderBuilder header, CopyHeader(file, *options.mix));
  WriteSummary summary{.matrix_types = options.mix->name};
  for (const CopiedTensor& tensor : tensors) {
    header.AddTensor(tensor.name, tensor.view.shape, tensor.type);
    summary.num_parameters += tensor.view.shape.num_elements();
    summary.num_fallbacks += tensor.is_fallback ? 1 : 0;
    summary.size_bytes += header.tensor_sizes().back();
  }
  ASSIGN_OR_RETURN(formats::GgufWriter writer, formats::GgufWriter::Create(options.out, header));
  ProgressBar progress("Quantizing", summary.size_bytes);
  const ByteSink sink = [&](std::span<const std::byte> bytes) { return writer.WriteTensorData(bytes); };
  for (const CopiedTensor& tensor : tensors) {
    const tensor::TensorView& view = tensor.view;
    if (tensor.type == view.type) {  // bit for bit
      RETURN_IF_ERROR(sink({view.data, view.size_bytes()}));
      progress.Advance(view.size_bytes());
    } else {
      const RowReader rows = ReadRows({.view = view, .row_order = {}});
      RETURN_IF_ERROR(StreamRows({tensor.name, view.shape, tensor.type}, rows, threads, sink, progress));
    }
    file.file().DropResidentPages({view.data, view.size_bytes()});
  }
  RETURN_IF_ERROR(writer.Finish());
  return summary;
}

// `write` is one of the writers.
template <class Write>
Result<WriteSummary> WriteCheckpoint(const std::filesystem::path& in, const std::string& name, Write write) {
  ASSIGN_OR_RETURN(const auto checkpoint, OpenCheckpoint(in));
  ModelConfig config = checkpoint->config();
  if (config.name.empty()) config.name = name;
  const CheckpointWeights weights(*checkpoint);
  return write(ModelContent{.config = &config,
                            .vocabulary = &checkpoint->vocabulary(),
                            .weights = &weights,
                            .sampling_defaults = checkpoint->sampling_defaults()});
}

}  // namespace

Result<WriteSummary> QuantizeModel(const QuantizeOptions& options, platform::ThreadPool& threads) {
  RETURN_IF_ERROR(RefuseSame(options.in, options.out));
  RETURN_IF_ERROR(RefuseExisting(options.out, options.overwrite));
  std::error_code ignored;  // what cannot be looked at fails when it is opened
  if (!std::filesystem::is_directory(options.in, ignored)) return QuantizeGguf(options, threads);
  return WriteCheckpoint(options.in, options.name, [&](const ModelContent& content) {
    return WriteGgufModel(content, {.mix = options.mix, .overwrite = options.overwrite}, options.out, threads);
  });
}

Result<WriteSummary> ConvertModel(const ConvertOptions& options, platform::ThreadPool& threads) {
  RETURN_IF_ERROR(RefuseSame(options.in, options.out));
  RETURN_IF_ERROR(RefuseExisting(options.out, options.overwrite));
  std::error_code ignored;  // what cannot be looked at fails when it is opened
  const bool from_folder = std::filesystem::is_directory(options.in, ignored);
  const bool to_folder = options.out.extension() != ".gguf";
  const WriteOptions write = {.mix = options.mix, .overwrite = options.overwrite};
  if (from_folder && to_folder) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} is a Hugging Face folder already; a GGUF file to write ends in .gguf, which {} does not",
                     options.in.string(), options.out.string());
  }
  if (std::filesystem::is_regular_file(options.in, ignored) && !to_folder) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} is a GGUF file already; `tenfold quantize` changes its types, and a folder to write does not "
                     "end in .gguf",
                     options.in.string());
  }
  return WriteCheckpoint(options.in, options.name, [&](const ModelContent& content) {
    return to_folder ? WriteHuggingFaceModel(content, write, options.out, threads)
                     : WriteGgufModel(content, write, options.out, threads);
  });
}

}  // namespace tenfold::model
