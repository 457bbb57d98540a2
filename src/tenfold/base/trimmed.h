// Text without the white space around it.
#pragma once

#include <algorithm>
#include <string_view>

namespace tenfold {

inline constexpr std::string_view kWhiteSpace = " \t\r\n";

// A part of `text`.
inline std::string_view Trimmed(std::string_view text) {
  text = text.substr(0, text.find_last_not_of(kWhiteSpace) + 1);  // npos + 1 = 0
  return text.substr(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
}

}  // namespace tenfold
