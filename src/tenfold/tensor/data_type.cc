#include "tenfold/tensor/data_type.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "tenfold/base/check.h"

namespace tenfold::tensor {
namespace {

constexpr std::array<DataTypeTraits, 8> kTraits = {{
    {"F32", 1, 4},
    {"F16", 1, 2},
    {"BF16", 1, 2},
    {"Q8_0", 32, 34},
    {"Q4_0", 32, 18},
    {"Q4_K", 256, 144},
    {"Q5_K", 256, 176},
    {"Q6_K", 256, 210},
}};

}  // namespace

const DataTypeTraits& Traits(DataType type) {
  return kTraits[static_cast<size_t>(type)];
}

size_t RowBytes(DataType type, int64_t num_elements) {
  const DataTypeTraits& traits = Traits(type);
  CHECK_EQ(num_elements % traits.block_elements, 0);
  return static_cast<size_t>(num_elements / traits.block_elements) * traits.block_bytes;
}

std::optional<DataType> DataTypeFromName(std::string_view name) {
  for (size_t i = 0; i < kTraits.size(); ++i) {
    const bool same = std::equal(name.begin(), name.end(), kTraits[i].name.begin(), kTraits[i].name.end(),
                                 [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; });
    if (same) return static_cast<DataType>(i);
  }
  return std::nullopt;
}

}  // namespace tenfold::tensor
