// Reservations: key-value memory promised to a sequence for its whole life when it is admitted, as systems before
// PagedAttention did. Contiguous ranges of a BuddyAllocator, in units of pages; what a sequence has not filled yet, and
// what rounding to powers of two adds, is lost to all others.
//
// The three ways that the PagedAttention paper compares itself with (Kwon et al., SOSP 2023, section 6.1):
//
//   kMax     the model's greatest length, whatever the request
//   kPow2    the prompt, and the output's length rounded up to a power of two
//   kOracle  exactly what the sequence will grow to: no system can know
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "tenfold/scheduler/buddy_allocator.h"
#include "tenfold/scheduler/scheduler.h"

namespace tenfold::scheduler {

enum class Reservation { kMax, kPow2, kOracle };

class Reservations {
 public:
  Reservations(Reservation reservation, const MemoryShape& memory);

  // Promises memory to a waiting sequence and to those that will fork off it. False, and nothing changes, when there is
  // no range for all.
  [[nodiscard]] bool Take(const SequenceView& sequence);

  // Whether Take would succeed with all memory free; depends on nothing that was taken. Errors: kInvalidArgument.
  Status CheckFits(const SequenceView& sequence) const;

  // Takes back what was promised to requests of which no sequence runs any more.
  void ReleaseAllBut(std::span<const SequenceView> running);

  int64_t num_free_pages() const { return buddies_.num_free_units(); }

 private:
  struct Ranges {
    int64_t num_pages_each;
    std::vector<int64_t> begins;
  };
  int64_t NumPages(const SequenceView& sequence) const;
  void Release(const Ranges& ranges);

  Reservation reservation_;
  MemoryShape memory_;
  BuddyAllocator buddies_;
  std::map<int64_t, Ranges> by_arrival_;
};

}  // namespace tenfold::scheduler
