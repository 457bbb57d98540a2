#include "tenfold/formats/safetensors_writer.h"

#include "tenfold/base/check.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/tensor/tensor_view.h"

namespace tenfold::formats {

using tensor::DataType;

void SafetensorsHeaderBuilder::AddTensor(std::string_view name, const tensor::Shape& shape, DataType type) {
  CHECK(type == DataType::kF32 || type == DataType::kF16 || type == DataType::kBF16);
  CHECK_MSG(!tensors_.contains(name), "tensor {} is added twice", Quoted(name));
  CHECK_EQ(data_bytes_ % tensor::Traits(type).block_bytes, 0u);
  json::array sizes;
  for (int i = 0; i < shape.rank(); ++i) sizes.push_back(json::value(shape[i]));
  const uint64_t end = data_bytes_ + tensor::TensorView{type, shape}.size_bytes();
  tensors_[name] = {
      {"dtype", Name(type)}, {"shape", std::move(sizes)}, {"data_offsets", json::array{data_bytes_, end}}};
  data_bytes_ = end;
}

std::string SafetensorsHeaderBuilder::Encode() const {
  json::object document = {{"__metadata__", {{"format", "pt"}}}};
  for (const auto& [name, tensor] : tensors_) document[name] = tensor;
  std::string text = json::serialize(document);
  text.append((8 - text.size() % 8) % 8, ' ');  // so that the data begins at a multiple of 8
  const uint64_t size = text.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + text;
}

Result<SafetensorsWriter> SafetensorsWriter::Create(const std::filesystem::path& path,
                                                    const SafetensorsHeaderBuilder& header) {
  ASSIGN_OR_RETURN(PartialFile file, PartialFile::Create(path));
  const std::string encoded = header.Encode();
  RETURN_IF_ERROR(file.Append(std::as_bytes(std::span(encoded))));
  return SafetensorsWriter(std::move(file), header.data_bytes());
}

Status SafetensorsWriter::WriteTensorData(std::span<const std::byte> bytes) {
  CHECK_LE(bytes.size(), bytes_due_);
  bytes_due_ -= bytes.size();
  return file_.Append(bytes);
}

Status SafetensorsWriter::Finish() {
  CHECK_EQ(bytes_due_, 0u);
  return file_.Commit();
}

}  // namespace tenfold::formats
