#include "tenfold/scheduler/buddy_allocator.h"

#include <bit>

#include "tenfold/base/check.h"

namespace tenfold::scheduler {
namespace {

int OrderOf(int64_t num_units) {
  return static_cast<int>(std::bit_width(static_cast<uint64_t>(num_units) - 1));
}

}  // namespace

BuddyAllocator::BuddyAllocator(int64_t num_units)
    : num_units_(num_units), free_(static_cast<size_t>(std::bit_width(static_cast<uint64_t>(num_units)))) {
  CHECK_GE(num_units, 1);
  // Greatest powers first, so that each begins at a multiple of its size.
  for (int64_t begin = 0; begin < num_units;) {
    const int64_t size = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(num_units - begin)));
    free_[static_cast<size_t>(OrderOf(size))].insert(begin);
    begin += size;
  }
  num_free_units_ = num_units;
}

std::optional<int64_t> BuddyAllocator::Allocate(int64_t num_units) {
  CHECK_GE(num_units, 1);
  const auto order = static_cast<size_t>(OrderOf(num_units));
  size_t from = order;
  while (from < free_.size() && free_[from].empty()) ++from;
  if (from >= free_.size()) return std::nullopt;
  const int64_t begin = *free_[from].begin();
  free_[from].erase(free_[from].begin());
  while (from > order) {
    --from;
    free_[from].insert(begin + (int64_t{1} << from));
  }
  num_free_units_ -= int64_t{1} << order;
  return begin;
}

void BuddyAllocator::Free(int64_t begin, int64_t num_units) {
  int order = OrderOf(num_units);
  num_free_units_ += int64_t{1} << order;
  // A buddy beyond the end of the pool is never free.
  while (free_[static_cast<size_t>(order)].erase(begin ^ (int64_t{1} << order)) > 0) {
    begin &= ~(int64_t{1} << order);
    ++order;
  }
  const bool is_new = free_[static_cast<size_t>(order)].insert(begin).second;
  CHECK_MSG(is_new, "units from {} on are given back twice", begin);
}

}  // namespace tenfold::scheduler
