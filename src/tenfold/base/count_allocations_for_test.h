// Counts every allocation of a test program, so that a test can say "none". Replaces the global operators: to be
// included by one file of a program. They are not inlined, or g++ takes new for a stranger to free.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace tenfold {
inline std::atomic<int64_t> num_allocations{0};
}  // namespace tenfold

[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  tenfold::num_allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
