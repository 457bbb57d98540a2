#include "tenfold/base/byte_count.h"

#include <string_view>

#include <fmt/format.h>

namespace tenfold {

std::string FormatSize(uint64_t bytes) {
  constexpr std::string_view kUnits = "KMGT";
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  auto value = static_cast<double>(bytes);
  size_t power = 0;
  for (; value >= 1024 && power < kUnits.size(); ++power) value /= 1024;
  return fmt::format("{:.1f} {}iB", value, kUnits[power - 1]);
}

}  // namespace tenfold
