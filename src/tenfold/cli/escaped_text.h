// Token texts on one line of a terminal: control characters and broken UTF-8 become visible.
#pragma once

#include <string>
#include <string_view>

namespace tenfold::cli {

// Whole characters stay as they are; "\n", "\t", "\r" and "\\" are written so, other control characters and bytes that
// are no part of a whole character as "\xNN".
std::string EscapedText(std::string_view bytes);

}  // namespace tenfold::cli
