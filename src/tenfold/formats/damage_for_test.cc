#include "tenfold/formats/damage_for_test.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "tenfold/base/random.h"

namespace {

std::atomic<size_t> largest_allocation{0};

}  // namespace

void* operator new(size_t size) {
  size_t largest = largest_allocation.load();
  while (size > largest && !largest_allocation.compare_exchange_weak(largest, size)) {
  }
  if (void* memory = std::malloc(std::max<size_t>(size, 1))) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace tenfold::formats {
namespace {

void ParseCopy(std::string_view file, const ParseFunction& parse) {
  const auto copy = std::make_unique<std::byte[]>(file.size());
  std::ranges::copy(std::as_bytes(std::span(file)), copy.get());
  parse({copy.get(), file.size()});
}

}  // namespace

void ForEachTruncation(std::string_view file, const ParseFunction& parse) {
  for (size_t size = 0; size < file.size(); ++size) ParseCopy(file.substr(0, size), parse);
}

void ForRandomBitFlips(std::string_view file, int count, const ParseFunction& parse) {
  for (int i = 0; i < count; ++i) {
    const auto draws = Philox(/*seed=*/7, /*stream=*/0, static_cast<uint64_t>(i));
    std::string damaged(file);
    for (size_t flip = 0; flip <= draws[0] % 4; ++flip) {
      const uint32_t place = Philox(/*seed=*/7, /*stream=*/1 + flip, static_cast<uint64_t>(i))[0];
      char& byte = damaged[place / 8 % damaged.size()];
      byte = static_cast<char>(byte ^ 1 << place % 8);
    }
    ParseCopy(damaged, parse);
  }
}

size_t LargestAllocationSinceLastCall() {
  return largest_allocation.exchange(0);
}

}  // namespace tenfold::formats
