// Writes GGUF files of version 3, tensor by tensor, so that a model larger than memory can be written.
//
//   GgufHeaderBuilder header;
//   header.SetString("general.architecture", "llama");
//   header.AddTensor("token_embd.weight", {512, 64}, tensor::DataType::kF32);
//   ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::Create("model.gguf", header));
//   RETURN_IF_ERROR(writer.WriteTensorData(bytes));
//   RETURN_IF_ERROR(writer.Finish());
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/formats/partial_file.h"
#include "tenfold/tensor/data_type.h"
#include "tenfold/tensor/shape.h"

namespace tenfold::formats {

// The value of "general.quantization_version": of the block layouts that everyone writes.
constexpr uint32_t kQuantizationVersion = 2;

// Collects what stands before the data. A key or tensor name may be given once; a second time stops in CHECK.
class GgufHeaderBuilder {
 public:
  void SetUint32(std::string_view key, uint32_t value);
  void SetInt32(std::string_view key, int32_t value);
  void SetFloat32(std::string_view key, float value);
  void SetBool(std::string_view key, bool value);
  void SetString(std::string_view key, std::string_view value);
  void SetInt32s(std::string_view key, std::span<const int32_t> values);
  void SetFloat32s(std::string_view key, std::span<const float> values);
  void SetStrings(std::string_view key, std::span<const std::string> values);
  // Copies the value under `key` with the types it has in `file`. Errors: kNotFound.
  Status CopyValue(const GgufFile& file, std::string_view key);

  // `shape` has 1 to 4 dimensions, slowest first, none of them 0, and rows of whole blocks.
  void AddTensor(std::string_view name, const tensor::Shape& shape, tensor::DataType type);

  // The start of a file, up to where its data begins.
  std::string Encode() const;
  // The bytes of each tensor, in the order they were added.
  const std::vector<size_t>& tensor_sizes() const { return tensor_sizes_; }

 private:
  void AddKey(std::string_view key);

  std::string metadata_;  // encoded
  std::unordered_set<std::string> keys_;
  std::string tensors_;  // encoded
  std::unordered_set<std::string> tensor_names_;
  std::vector<size_t> tensor_sizes_;
  uint64_t data_bytes_ = 0;  // with padding
};

// Writes one file. Move-only; one thread at a time. Without Finish, nothing is left of the file.
class GgufWriter {
 public:
  // Errors, here and below: kIo, naming the path.
  static Result<GgufWriter> Create(const std::filesystem::path& path, const GgufHeaderBuilder& header);

  // The next bytes of the tensor that is due: tensors follow each other in the order they were added, each in one
  // piece or several.
  Status WriteTensorData(std::span<const std::byte> bytes);
  // Gives the file its name. All data must have been written.
  Status Finish();

 private:
  GgufWriter(PartialFile file, std::vector<size_t> tensor_sizes)
      : file_(std::move(file)), tensor_sizes_(std::move(tensor_sizes)) {}

  PartialFile file_;
  std::vector<size_t> tensor_sizes_;
  size_t tensor_ = 0;   // the one that is due
  size_t written_ = 0;  // bytes of it
};

}  // namespace tenfold::formats
