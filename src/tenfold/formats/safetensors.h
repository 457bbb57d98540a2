// Reads safetensors: one memory-mapped file, or a Hugging Face folder of one or several.
//
// Every size and offset in a header is checked against the file before it is used. Both classes are immutable once
// open and may be read from any thread; the views they hand out live as long as they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tensor/tensor_view.h"

namespace tenfold::formats {

// A tensor as the header describes it. Types and ranks that this program cannot compute with are listed all the same,
// and refused only when they are asked for.
struct SafetensorsTensor {
  std::string name;
  std::string dtype;                 // "BF16"
  std::vector<int64_t> sizes;        // slowest dimension first
  std::span<const std::byte> bytes;  // checked to lie inside the file
};

class SafetensorsFile {
 public:
  // Errors: kNotFound, kIo, kCorrupt.
  static Result<SafetensorsFile> Open(const std::filesystem::path& path);
  // Reads from memory that outlives the result; `name` stands for the path in errors. For tests and fuzzing.
  static Result<SafetensorsFile> Parse(std::span<const std::byte> bytes, std::string name);

  const std::string& name() const { return name_; }
  // In the order of the header.
  const std::vector<SafetensorsTensor>& tensors() const { return tensors_; }

  // nullptr when there is none of that name.
  const SafetensorsTensor* FindTensor(std::string_view name) const;
  // The tensor as a view to compute with, aligned to its elements.
  // Errors: kNotFound; kUnsupported for types other than F32, F16 and BF16, and for more than four dimensions.
  Result<tensor::TensorView> Tensor(std::string_view name) const;

  // The mapped file, to drop pages from memory after packing.
  const platform::MappedFile& file() const { return file_; }

 private:
  std::string name_;
  platform::MappedFile file_;
  std::vector<SafetensorsTensor> tensors_;
  std::unordered_map<std::string_view, size_t> index_;  // keys point into tensors_
};

// The files that an index (model.safetensors.index.json) distributes the tensors over, sorted; each lies in its folder.
// Errors: kNotFound, kIo; kCorrupt for an index that names a path outside the folder.
Result<std::vector<std::string>> ReadShardNames(const std::filesystem::path& index_path);

class SafetensorsModel {
 public:
  // Opens `folder`/model.safetensors, or the shards that `folder`/model.safetensors.index.json names.
  // Errors: as SafetensorsFile::Open; kCorrupt for an index that names a path outside the folder, or a tensor that its
  // shard does not hold.
  static Result<SafetensorsModel> Open(const std::filesystem::path& folder);

  // Sorted.
  const std::vector<std::string_view>& tensor_names() const { return tensor_names_; }
  const std::vector<SafetensorsFile>& files() const { return files_; }

  // Errors: as SafetensorsFile::Tensor.
  Result<tensor::TensorView> Tensor(std::string_view name) const;

 private:
  Status OpenShards(const std::filesystem::path& index_path);

  std::string name_;
  std::vector<SafetensorsFile> files_;
  std::unordered_map<std::string_view, size_t> file_of_tensor_;  // keys point into files_
  std::vector<std::string_view> tensor_names_;                   // likewise
};

}  // namespace tenfold::formats
