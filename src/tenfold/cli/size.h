// Amounts of memory as people write them: 512M, 4G. How they read them: base/byte_count.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tenfold/base/result.h"

namespace tenfold::cli {

// A number, fractions allowed, and a unit: none for bytes, or K, M, G, T for powers of 1024, in any case, with "iB" or
// "B" after it if one likes. Errors: kInvalidArgument for anything else and for 2^63 bytes or more.
Result<size_t> ParseSize(std::string_view text);

}  // namespace tenfold::cli
