#include "tenfold/training/random_permutation.h"

#include <bit>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"

namespace tenfold::training {
namespace {

// Four make a permutation that looks random (Luby and Rackoff, 1988) where the halves are wide; few windows make narrow
// halves, for which some more cost nothing.
constexpr int kNumRounds = 8;

}  // namespace

RandomPermutation::RandomPermutation(uint64_t seed, uint64_t stream, int64_t size)
    : seed_(seed), stream_(stream), size_(static_cast<uint64_t>(size)) {
  CHECK(size >= 1 && size <= int64_t{1} << 62);
  half_bits_ = static_cast<int>((std::bit_width(size_ - 1) + 1) / 2);
}

uint64_t RandomPermutation::Mix(uint64_t value) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t left = value >> half_bits_;
  uint64_t right = value & mask;
  for (uint64_t round = 0; round < kNumRounds; ++round) {
    const uint64_t draw = Philox(seed_, stream_, round << 32 | right)[0];
    const uint64_t mixed = left ^ (draw & mask);
    left = right;
    right = mixed;
  }
  return left << half_bits_ | right;
}

int64_t RandomPermutation::operator()(int64_t position) const {
  CHECK(position >= 0 && static_cast<uint64_t>(position) < size_);
  uint64_t value = static_cast<uint64_t>(position);
  do {
    value = Mix(value);
  } while (value >= size_);
  return static_cast<int64_t>(value);
}

}  // namespace tenfold::training
