// Quoted: a name or text taken from a file, made safe to stand in an error message.
#pragma once

#include <string>
#include <string_view>

namespace tenfold::formats {

// In double quotes, everything but printable ASCII as \xNN, cut after 100 bytes.
std::string Quoted(std::string_view text);

}  // namespace tenfold::formats
