// BuddyAllocator: contiguous ranges whose sizes are powers of two, as Orca keeps its keys and values and the systems
// before it did. Accounts only: it says which units are taken, and owns no memory.
//
// A request of n units takes the next power of two. A free range is split in halves until it fits, and joins its other
// half ("buddy") again when both are free (Knuth, The Art of Computer Programming, vol. 1, section 2.5). A pool that is
// no power of two is cut into the powers that it is the sum of. O(log pool) a call; the lowest address first, so the
// same calls always give the same ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace tenfold::scheduler {

class BuddyAllocator {
 public:
  explicit BuddyAllocator(int64_t num_units);

  // The first unit of a range of at least `num_units` (at least 1); nullopt when no free range is large enough.
  std::optional<int64_t> Allocate(int64_t num_units);
  // Gives back what Allocate(num_units) returned.
  void Free(int64_t begin, int64_t num_units);

  int64_t num_units() const { return num_units_; }
  int64_t num_free_units() const { return num_free_units_; }

 private:
  int64_t num_units_;
  int64_t num_free_units_ = 0;
  std::vector<std::set<int64_t>> free_;  // by order: where ranges of 2^order units begin
};

}  // namespace tenfold::scheduler
