// Hashes that are stable across processes and machines (XXH3). Never proof of identity on their own.
#pragma once

#include <cstdint>
#include <string_view>

namespace tenfold {

uint64_t Hash64(std::string_view bytes, uint64_t seed = 0);

// ChainedHash: the hash of something long that comes in parts, in pieces of at most 1 MiB, each seeded by the hash of
// those before it. It depends on where parts end, unless each but the last is a whole number of pieces.
class ChainedHash {
 public:
  explicit ChainedHash(uint64_t seed = 0) : value_(seed) {}
  void Add(std::string_view bytes);
  uint64_t value() const { return value_; }

 private:
  uint64_t value_;
};

}  // namespace tenfold
