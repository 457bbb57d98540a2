// Hashes that are stable across processes and machines (XXH3). Never proof of identity on their own.
#pragma once

#include <cstdint>
#include <string_view>

namespace tenfold {

uint64_t Hash64(std::string_view bytes, uint64_t seed = 0);

}  // namespace tenfold
