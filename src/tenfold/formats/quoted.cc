#include "tenfold/formats/quoted.h"

#include <iterator>

#include <fmt/format.h>

namespace tenfold::formats {

std::string Quoted(std::string_view text) {
  constexpr size_t kLongest = 100;
  std::string out = "\"";
  // Not fmt's {:?}, which in version 9 fails an assertion on some broken UTF-8.
  for (const char c : text.substr(0, kLongest)) {
    if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out + (text.size() > kLongest ? "\"..." : "\"");
}

}  // namespace tenfold::formats
