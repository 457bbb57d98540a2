// The numbers GGUF writes for the types of tensors and of metadata values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tenfold/tensor/data_type.h"

namespace tenfold::formats {

enum class GgufValueType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

// A tensor type stores `block_elements` consecutive elements of a row in `block_bytes` bytes.
struct GgufTensorType {
  uint32_t id;
  std::string_view name;
  int64_t block_elements;
  size_t block_bytes;
  std::optional<tensor::DataType> type;  // nullopt: a type this program cannot compute with
};

// nullptr for a number that is not known.
const GgufTensorType* FindGgufTensorType(uint32_t id);
const GgufTensorType& GgufTensorTypeOf(tensor::DataType type);

}  // namespace tenfold::formats
