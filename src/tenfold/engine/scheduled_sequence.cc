#include "tenfold/engine/scheduled_sequence.h"

#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::engine {

ScheduledSequence::ScheduledSequence(scheduler::SequenceId id, int64_t arrival, cache::PageTable table)
    : id_(id), arrival_(arrival), state_(SequenceState::kWaiting), table_(std::move(table)) {}

ScheduledSequence::ScheduledSequence(const ScheduledSequence& parent, scheduler::SequenceId id)
    : id_(id),
      arrival_(parent.arrival_),
      state_(SequenceState::kRunning),
      table_(parent.table_.Fork()),
      num_published_pages_(parent.num_published_pages_),
      num_cached_tokens_(parent.num_cached_tokens_),
      num_admissions_(parent.num_admissions_) {}

void ScheduledSequence::MoveTo(SequenceState state) {
  const bool allowed = (state_ == SequenceState::kWaiting && state == SequenceState::kRunning) ||
                       (state_ == SequenceState::kRunning && state == SequenceState::kWaiting) ||
                       (state_ != SequenceState::kFinished && state == SequenceState::kFinished);
  CHECK_MSG(allowed, "sequence {} from state {} to {}", id_, static_cast<int>(state_), static_cast<int>(state));
  if (state == SequenceState::kRunning) ++num_admissions_;
  if (state != SequenceState::kRunning) {
    table_.Free();
    num_published_pages_ = 0;
  }
  state_ = state;
}

void ScheduledSequence::AdoptPrefix(std::span<const cache::PageId> pages, cache::PrefixCache* prefix_cache) {
  for (const cache::PageId page : pages) table_.Adopt(prefix_cache->Fetch(page));
  num_published_pages_ = table_.num_pages();
  if (num_cached_tokens_ < 0) num_cached_tokens_ = table_.num_tokens();
}

void ScheduledSequence::PublishTo(cache::PrefixCache& prefix_cache) {
  const int64_t num_full = table_.num_tokens() / table_.page_size();
  for (; num_published_pages_ < num_full; ++num_published_pages_) {
    const auto index = static_cast<size_t>(num_published_pages_);
    const cache::PageId before = index == 0 ? cache::kNoPage : table_.page_ids()[index - 1];
    const cache::PageId page = table_.page_ids()[index];
    const cache::PageId cached = prefix_cache.Insert(prefix_key(), num_published_pages_, before, page);
    if (cached != page) table_.Exchange(num_published_pages_, cached);
  }
}

scheduler::SequenceView ScheduledSequence::View() const {
  return {.id = id_,
          .priority = priority(),
          .arrival = arrival_,
          .num_tokens = num_tokens(),
          .max_num_tokens = max_num_tokens(),
          .final_num_tokens = final_num_tokens(),
          .num_computed = num_computed(),
          .num_pages = table_.num_pages(),
          .num_exclusive_pages = table_.num_exclusive_pages(),
          .copies_last_page = table_.copies_last_page(),
          .num_seats = num_seats()};
}

}  // namespace tenfold::engine
