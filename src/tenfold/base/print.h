// Print: messages to people, and lines of logs.
//
// What cannot be written is left out: a terminal that was closed or a disk that is full must not end the work that is
// being told about. (fmt::print throws there. It stays for answers, which somebody waits for.)
#pragma once

#include <cstdio>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace tenfold {

template <class... Args>
void Print(std::FILE* file, fmt::format_string<Args...> format, Args&&... args) {
  const std::string text = fmt::format(format, std::forward<Args>(args)...);
  std::fwrite(text.data(), 1, text.size(), file);
}

}  // namespace tenfold
