// Reads GGUF files, versions 2 and 3, memory-mapped.
//
// Every count, length, offset and size in the header is checked against the file before it is used, so a truncated or
// hostile file gives an Error that names the file and the field. A GgufFile is immutable and may be read from any
// thread; the views it hands out live as long as it does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tensor/tensor_view.h"

namespace tenfold::formats {

// A metadata value. Integers of every width arrive as int64_t (or uint64_t above its range), floats as double.
using GgufScalar = std::variant<bool, int64_t, uint64_t, double, std::string_view>;
using GgufArray =
    std::variant<std::vector<bool>, std::vector<int64_t>, std::vector<double>, std::vector<std::string_view>>;
using GgufValue = std::variant<GgufScalar, GgufArray>;

// A tensor as the header describes it.
struct GgufTensor {
  std::string_view name;
  tensor::Shape shape;                   // slowest dimension first (GGUF writes it the other way round)
  uint32_t type_id;                      // GGUF's number for the type
  std::optional<tensor::DataType> type;  // nullopt: a type this program cannot compute with
  std::span<const std::byte> bytes;      // checked to lie inside the file
};

// GGUF's name of a type number ("Q4_K"), or "type 99".
std::string GgufTypeName(uint32_t type_id);

// What the header of a file says (gguf_header.h fills it).
struct GgufHeader {
  uint32_t version = 0;
  std::vector<std::pair<std::string_view, GgufValue>> metadata;
  // For each entry of `metadata`, its value type and value as the file stores them.
  std::vector<std::span<const std::byte>> encoded_values;
  std::unordered_map<std::string_view, size_t> metadata_index;
  std::vector<GgufTensor> tensors;
  std::unordered_map<std::string_view, size_t> tensor_index;
};

class GgufFile {
 public:
  // Errors: kNotFound, kIo, kCorrupt, kUnsupported (version 1, big-endian, split files).
  static Result<GgufFile> Open(const std::filesystem::path& path);
  // Reads from memory that outlives the result; `name` stands for the path in errors. For tests and fuzzing.
  static Result<GgufFile> Parse(std::span<const std::byte> bytes, std::string name);

  const std::string& name() const { return name_; }
  uint32_t version() const { return header_.version; }
  const std::vector<GgufTensor>& tensors() const { return header_.tensors; }
  const std::vector<std::pair<std::string_view, GgufValue>>& metadata() const { return header_.metadata; }

  // nullptr when there is none of that name.
  const GgufTensor* FindTensor(std::string_view name) const;
  // The tensor as a view to compute with. Errors: kNotFound; kUnsupported, naming the type and those supported.
  Result<tensor::TensorView> Tensor(std::string_view name) const;

  // Typed metadata. nullopt when the key is absent; kCorrupt, naming the key, when it has another type.
  Result<std::optional<int64_t>> GetInt(std::string_view key) const;
  Result<std::optional<double>> GetNumber(std::string_view key) const;  // integers count as numbers
  Result<std::optional<bool>> GetBool(std::string_view key) const;
  Result<std::optional<std::string_view>> GetString(std::string_view key) const;
  // The array under `key`; an empty vector when absent.
  Result<std::vector<std::string_view>> GetStrings(std::string_view key) const;
  Result<std::vector<int64_t>> GetInts(std::string_view key) const;
  Result<std::vector<double>> GetNumbers(std::string_view key) const;

  // The value under `key` as the file stores it: its type number, then its content, so that a copy of it keeps the
  // types that GgufValue widens. Empty when absent.
  std::span<const std::byte> EncodedValue(std::string_view key) const;

  // The mapped file, to drop pages from memory after packing.
  const platform::MappedFile& file() const { return file_; }

 private:
  const GgufValue* Find(std::string_view key) const;

  std::string name_;
  platform::MappedFile file_;
  GgufHeader header_;
};

}  // namespace tenfold::formats
