// DataType: how the numbers of a weight tensor are stored, with the names and numbers that GGUF and safetensors use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tenfold::tensor {

enum class DataType : uint8_t { kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_K, kQ5_K, kQ6_K };

// A type stores `block_elements` consecutive elements of a row in `block_bytes` bytes.
struct DataTypeTraits {
  std::string_view name;  // "Q4_0"
  int64_t block_elements;
  size_t block_bytes;
};

const DataTypeTraits& Traits(DataType type);
inline std::string_view Name(DataType type) {
  return Traits(type).name;
}

// Bytes of one row of `num_elements`, which must be whole blocks.
size_t RowBytes(DataType type, int64_t num_elements);

// The type with this name, in any case ("q4_0").
std::optional<DataType> DataTypeFromName(std::string_view name);

}  // namespace tenfold::tensor
