// FlatMap: a hash table from 64-bit keys to small values, built once and then only read.
//
// Open addressing with linear probing at a load of at most one half: a look-up touches one or two cache lines, which is
// what byte-pair merging spends its time on. Immutable after building; any thread may read.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tenfold::tokenizer {

template <class Value>
class FlatMap {
 public:
  // Of equal keys the first counts. No key is ~0.
  explicit FlatMap(const std::vector<std::pair<uint64_t, Value>>& entries = {})
      : slots_(std::bit_ceil(2 * entries.size() + 2)), shift_(64 - std::countr_zero(slots_.size())) {
    for (const auto& [key, value] : entries) {
      Slot& slot = slots_[FindSlot(key)];
      if (slot.key == kEmpty) slot = {key, value};
    }
  }

  // nullptr when there is none.
  const Value* Find(uint64_t key) const {
    const Slot& slot = slots_[FindSlot(key)];
    return slot.key == kEmpty ? nullptr : &slot.value;
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Slot {
    uint64_t key = kEmpty;
    Value value{};
  };

  size_t FindSlot(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    // Fibonacci hashing: the highest bits of the product depend on every bit of the key.
    size_t index = static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> shift_);
    while (slots_[index].key != kEmpty && slots_[index].key != key) index = (index + 1) & mask;
    return index;
  }

  std::vector<Slot> slots_;  // a power of two, at least 2
  int shift_;
};

}  // namespace tenfold::tokenizer
