// Quoted: a name or text taken from a file, made safe to stand in an error message.
#pragma once

#include <string>
#include <string_view>

namespace tenfold::formats {

// In double quotes, control characters and broken UTF-8 escaped, cut after 100 bytes.
std::string Quoted(std::string_view text);

}  // namespace tenfold::formats
