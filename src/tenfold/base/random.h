// Counter-based random numbers: a draw is a function of (seed, stream, counter) and of nothing else.
//
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). Because there is no hidden
// state, the same seed gives the same text whatever else runs in the engine, after a preemption and in any batch.
#pragma once

#include <array>
#include <cstdint>

namespace tenfold {

// Four independent 32-bit draws for one (seed, stream, counter).
constexpr std::array<uint32_t, 4> Philox(uint64_t seed, uint64_t stream, uint64_t counter) {
  uint32_t key0 = static_cast<uint32_t>(seed);
  uint32_t key1 = static_cast<uint32_t>(seed >> 32);
  std::array<uint32_t, 4> c = {static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32),
                               static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * c[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(product1 >> 32) ^ c[1] ^ key0, static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ c[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return c;
}

// Uniform in [0, 1) with 53 random bits.
constexpr double UniformDouble(uint64_t seed, uint64_t stream, uint64_t counter) {
  const auto draws = Philox(seed, stream, counter);
  const uint64_t bits = (uint64_t{draws[0]} << 32 | draws[1]) >> 11;
  return static_cast<double>(bits) * 0x1.0p-53;
}

}  // namespace tenfold
