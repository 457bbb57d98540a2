// Writes safetensors files, tensor by tensor, so that a model larger than memory can be written.
//
//   SafetensorsHeaderBuilder header;
//   header.AddTensor("lm_head.weight", {512, 64}, tensor::DataType::kBF16);
//   ASSIGN_OR_RETURN(SafetensorsWriter writer, SafetensorsWriter::Create("model.safetensors", header));
//   RETURN_IF_ERROR(writer.WriteTensorData(bytes));
//   RETURN_IF_ERROR(writer.Finish());
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/base/result.h"
#include "tenfold/formats/partial_file.h"
#include "tenfold/tensor/data_type.h"
#include "tenfold/tensor/shape.h"

namespace tenfold::formats {

// Collects what stands before the data. The format allows no gaps between tensors, and readers want each at a multiple
// of its element size: add those of larger elements first.
class SafetensorsHeaderBuilder {
 public:
  // `type` is F32, F16 or BF16. A name that is given twice, and a tensor that would not be aligned, stop in CHECK.
  void AddTensor(std::string_view name, const tensor::Shape& shape, tensor::DataType type);

  // The start of a file, up to where its data begins. Its metadata says that the format is PyTorch's, which Hugging
  // Face's library asks for.
  std::string Encode() const;
  uint64_t data_bytes() const { return data_bytes_; }

 private:
  json::object tensors_;
  uint64_t data_bytes_ = 0;
};

// Writes one file. Move-only; one thread at a time. Without Finish, nothing is left of the file.
class SafetensorsWriter {
 public:
  // Errors, here and below: kIo, naming the path.
  static Result<SafetensorsWriter> Create(const std::filesystem::path& path, const SafetensorsHeaderBuilder& header);

  // The next bytes: tensors follow each other in the order they were added, each in one piece or several.
  Status WriteTensorData(std::span<const std::byte> bytes);
  // Gives the file its name. All data must have been written.
  Status Finish();

 private:
  SafetensorsWriter(PartialFile file, uint64_t bytes_due) : file_(std::move(file)), bytes_due_(bytes_due) {}

  PartialFile file_;
  uint64_t bytes_due_;
};

}  // namespace tenfold::formats
