#include "tenfold/scheduler/reservations.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/base/rounding.h"

namespace tenfold::scheduler {

Reservations::Reservations(Reservation reservation, const MemoryShape& memory)
    : reservation_(reservation), memory_(memory), buddies_(memory.num_pages) {}

int64_t Reservations::NumPages(const SequenceView& sequence) const {
  const auto num_output = static_cast<uint64_t>(sequence.final_num_tokens - sequence.num_tokens);
  int64_t num_tokens = memory_.max_model_len;
  if (reservation_ == Reservation::kOracle) num_tokens = sequence.final_num_tokens;
  if (reservation_ == Reservation::kPow2) {
    num_tokens = sequence.num_tokens + static_cast<int64_t>(std::bit_ceil(num_output));
  }
  return CeilDivide(std::min(num_tokens, memory_.max_model_len), memory_.page_size);
}

bool Reservations::Take(const SequenceView& sequence) {
  Ranges ranges{NumPages(sequence), {}};
  for (int64_t seat = 0; seat < sequence.num_seats; ++seat) {
    const std::optional<int64_t> begin = buddies_.Allocate(ranges.num_pages_each);
    if (!begin) {
      Release(ranges);
      return false;
    }
    ranges.begins.push_back(*begin);
  }
  const bool is_new = by_arrival_.emplace(sequence.arrival, std::move(ranges)).second;
  CHECK_MSG(is_new, "request {} has its reservation already", sequence.arrival);
  return true;
}

Status Reservations::CheckFits(const SequenceView& sequence) const {
  const int64_t num_pages = NumPages(sequence);
  BuddyAllocator empty(memory_.num_pages);
  for (int64_t seat = 0; seat < sequence.num_seats; ++seat) {
    if (empty.Allocate(num_pages)) continue;
    return MakeError(
        ErrorCode::kInvalidArgument,
        "the scheduling policy reserves {} x {} tokens for this request, in ranges of a power of two pages, "
        "but of the cache's {} tokens only {} such ranges can be made; ask for less, or use a policy that "
        "reserves nothing",
        sequence.num_seats, num_pages * memory_.page_size, memory_.num_pages * memory_.page_size, seat);
  }
  return {};
}

void Reservations::ReleaseAllBut(std::span<const SequenceView> running) {
  // Both are in order of arrival.
  auto sequence = running.begin();
  for (auto entry = by_arrival_.begin(); entry != by_arrival_.end();) {
    while (sequence != running.end() && sequence->arrival < entry->first) ++sequence;
    if (sequence != running.end() && sequence->arrival == entry->first) {
      ++entry;
    } else {
      Release(entry->second);
      entry = by_arrival_.erase(entry);
    }
  }
}

void Reservations::Release(const Ranges& ranges) {
  for (const int64_t begin : ranges.begins) buddies_.Free(begin, ranges.num_pages_each);
}

}  // namespace tenfold::scheduler
