#include "tenfold/formats/gguf_types.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "tenfold/base/check.h"
#include "tenfold/formats/gguf.h"

namespace tenfold::formats {
namespace {

using tensor::DataType;

// Every type that files in circulation use, so that the sizes of all tensors are checked even where only a few types
// can be computed with. The gaps in the numbers are types that were withdrawn.
constexpr std::array<GgufTensorType, 32> kTypes = {{
    {0, "F32", 1, 4, DataType::kF32},        {1, "F16", 1, 2, DataType::kF16},
    {2, "Q4_0", 32, 18, DataType::kQ4_0},    {3, "Q4_1", 32, 20, std::nullopt},
    {6, "Q5_0", 32, 22, std::nullopt},       {7, "Q5_1", 32, 24, std::nullopt},
    {8, "Q8_0", 32, 34, DataType::kQ8_0},    {9, "Q8_1", 32, 36, std::nullopt},
    {10, "Q2_K", 256, 84, std::nullopt},     {11, "Q3_K", 256, 110, std::nullopt},
    {12, "Q4_K", 256, 144, DataType::kQ4_K}, {13, "Q5_K", 256, 176, DataType::kQ5_K},
    {14, "Q6_K", 256, 210, DataType::kQ6_K}, {15, "Q8_K", 256, 292, std::nullopt},
    {16, "IQ2_XXS", 256, 66, std::nullopt},  {17, "IQ2_XS", 256, 74, std::nullopt},
    {18, "IQ3_XXS", 256, 98, std::nullopt},  {19, "IQ1_S", 256, 50, std::nullopt},
    {20, "IQ4_NL", 32, 18, std::nullopt},    {21, "IQ3_S", 256, 110, std::nullopt},
    {22, "IQ2_S", 256, 82, std::nullopt},    {23, "IQ4_XS", 256, 136, std::nullopt},
    {24, "I8", 1, 1, std::nullopt},          {25, "I16", 1, 2, std::nullopt},
    {26, "I32", 1, 4, std::nullopt},         {27, "I64", 1, 8, std::nullopt},
    {28, "F64", 1, 8, std::nullopt},         {29, "IQ1_M", 256, 56, std::nullopt},
    {30, "BF16", 1, 2, DataType::kBF16},     {34, "TQ1_0", 256, 54, std::nullopt},
    {35, "TQ2_0", 256, 66, std::nullopt},    {39, "MXFP4", 32, 17, std::nullopt},
}};

}  // namespace

const GgufTensorType* FindGgufTensorType(uint32_t id) {
  const auto found = std::ranges::find(kTypes, id, &GgufTensorType::id);
  return found == kTypes.end() ? nullptr : &*found;
}

const GgufTensorType& GgufTensorTypeOf(DataType type) {
  const auto found = std::ranges::find(kTypes, std::optional(type), &GgufTensorType::type);
  CHECK(found != kTypes.end());
  return *found;
}

std::string GgufTypeName(uint32_t type_id) {
  const GgufTensorType* type = FindGgufTensorType(type_id);
  return type == nullptr ? fmt::format("type {}", type_id) : std::string(type->name);
}

}  // namespace tenfold::formats
