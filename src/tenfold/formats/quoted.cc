#include "tenfold/formats/quoted.h"

#include <fmt/format.h>

namespace tenfold::formats {

std::string Quoted(std::string_view text) {
  constexpr size_t kLongest = 100;
  if (text.size() <= kLongest) return fmt::format("{:?}", text);
  return fmt::format("{:?}...", text.substr(0, kLongest));
}

}  // namespace tenfold::formats
