#include "tenfold/base/hash.h"

#include <cstddef>

#include <xxhash.h>

namespace tenfold {

uint64_t Hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

void ChainedHash::Add(std::string_view bytes) {
  constexpr size_t kPieceBytes = size_t{1} << 20;
  for (size_t begin = 0; begin < bytes.size(); begin += kPieceBytes) {
    value_ = Hash64(bytes.substr(begin, kPieceBytes), value_);
  }
}

}  // namespace tenfold
