// Amounts of memory as people write and read them: 512M, 4G, 1.5 GiB.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tenfold/base/result.h"

namespace tenfold::cli {

// A number, fractions allowed, and a unit: none for bytes, or K, M, G, T for powers of 1024, in any case, with "iB" or
// "B" after it if one likes. Errors: kInvalidArgument for anything else and for 2^63 bytes or more.
Result<size_t> ParseSize(std::string_view text);

// "1.5 GiB", "512.0 MiB", "17 bytes".
std::string FormatSize(size_t bytes);

}  // namespace tenfold::cli
