#include "tenfold/cli/model_header.h"

#include <system_error>

#include "tenfold/formats/gguf.h"
#include "tenfold/formats/safetensors.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tensor/data_type.h"

namespace tenfold::cli {
namespace {

Result<ModelHeader> ReadGguf(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const auto file, formats::GgufFile::Open(path));
  ModelHeader header;
  header.format = fmt::format("GGUF {}", file.version());
  ASSIGN_OR_RETURN(header.config, model::ConfigFromGguf(file));
  for (const formats::GgufTensor& tensor : file.tensors()) {
    TensorHeader& added = header.tensors.emplace_back();
    added.name = tensor.name;
    for (int d = 0; d < tensor.shape.rank(); ++d) added.sizes.push_back(tensor.shape[d]);
    added.type = formats::GgufTypeName(tensor.type_id);
    added.bytes = tensor.bytes.size();
    added.is_supported = tensor.type.has_value();
  }
  return header;
}

Result<ModelHeader> ReadHuggingFace(const std::filesystem::path& folder) {
  ASSIGN_OR_RETURN(const std::string config_text, platform::ReadTextFile(folder / "config.json"));
  ModelHeader header;
  header.format = "safetensors";
  ASSIGN_OR_RETURN(header.config, model::ConfigFromHuggingFace(config_text, (folder / "config.json").string()));
  ASSIGN_OR_RETURN(const auto weights, formats::SafetensorsModel::Open(folder));
  for (const formats::SafetensorsFile& file : weights.files()) {
    for (const formats::SafetensorsTensor& tensor : file.tensors()) {
      header.tensors.push_back({.name = tensor.name,
                                .sizes = tensor.sizes,
                                .type = tensor.dtype,
                                .bytes = tensor.bytes.size(),
                                .is_supported = tensor::DataTypeFromName(tensor.dtype).has_value()});
    }
  }
  return header;
}

}  // namespace

int64_t TensorHeader::num_elements() const {
  int64_t product = 1;
  for (const int64_t size : sizes) product *= size;
  return product;
}

int64_t ModelHeader::num_parameters() const {
  int64_t total = 0;
  for (const TensorHeader& tensor : tensors) total += tensor.num_elements();
  return total;
}

size_t ModelHeader::weight_bytes() const {
  size_t total = 0;
  for (const TensorHeader& tensor : tensors) total += tensor.bytes;
  return total;
}

Result<ModelHeader> ReadModelHeader(const std::filesystem::path& path) {
  std::error_code ignored;  // what cannot be looked at fails when it is opened
  return std::filesystem::is_directory(path, ignored) ? ReadHuggingFace(path) : ReadGguf(path);
}

}  // namespace tenfold::cli
