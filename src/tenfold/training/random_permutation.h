// RandomPermutation: a pseudo-random order of 0 .. size - 1 that is computed and never stored.
//
// A Feistel network over the smallest even number of bits that holds the size, with Philox as its round function, is a
// permutation of the powers of two; following it until it lands below the size ("cycle walking": Black and Rogaway,
// "Ciphers with arbitrary finite domains", CT-RSA 2002) makes it one of any size. Fewer than four steps are walked on
// average. Immutable.
#pragma once

#include <cstdint>

namespace tenfold::training {

class RandomPermutation {
 public:
  // `size` is at least 1 and at most 2^62. Each (seed, stream) is an order of its own.
  RandomPermutation(uint64_t seed, uint64_t stream, int64_t size);

  // The number at `position`, which lies in [0, size). Takes under a microsecond.
  int64_t operator()(int64_t position) const;

 private:
  uint64_t Mix(uint64_t value) const;

  uint64_t seed_;
  uint64_t stream_;
  uint64_t size_;
  int half_bits_;
};

}  // namespace tenfold::training
