// Numbers of bytes as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace tenfold {

// "1.5 GiB", "512.0 MiB", "17 bytes".
std::string FormatSize(uint64_t bytes);

}  // namespace tenfold
