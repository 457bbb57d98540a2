#include "tenfold/engine/admission_view.h"

#include <algorithm>

namespace tenfold::engine {
namespace {

// Whether the first `num_tokens` tokens of both are the same. Compared from the end, where
// different prompts with a common beginning differ.
bool ShareMore(const cache::PrefixKey& before, const cache::PrefixKey& later, int64_t num_tokens) {
  const auto n = static_cast<size_t>(num_tokens);
  if (before.tokens.size() < n || later.tokens.size() < n || before.space != later.space) return false;
  const auto a = before.tokens.first(n), b = later.tokens.first(n);
  return std::equal(a.rbegin(), a.rend(), b.rbegin());
}

}  // namespace

size_t AdmissionView::NumShown(size_t num_running) const {
  return std::max<size_t>(static_cast<size_t>(limits_.max_num_seqs) - num_running, 1);
}

size_t AdmissionView::NumConsidered(size_t num_waiting, size_t num_running) const {
  const bool is_fcfs = sharing_.queue_order == scheduler::QueueOrder::kFcfs;
  return std::min(num_waiting, is_fcfs ? NumShown(num_running) : scheduler::kQueueWindow);
}

std::span<const scheduler::SequenceView> AdmissionView::Build(std::span<const ScheduledSequence* const> running,
                                                              std::span<const ScheduledSequence* const> waiting) {
  views_.clear();
  beginners_.clear();
  for (const ScheduledSequence* sequence : running) {
    if (sequence->num_tokens() - sequence->num_computed() > 1) beginners_.push_back(sequence);
  }
  OrderWaiting(waiting);
  for (size_t i = 0; i < std::min(order_.size(), NumShown(running.size())); ++i) {
    const ScheduledSequence& sequence = *waiting[order_[i]];
    views_.push_back(ViewOf(sequence));
    beginners_.push_back(&sequence);
  }
  return views_;
}

std::span<const cache::PageId> AdmissionView::FindPrefix(const ScheduledSequence& sequence) {
  found_.clear();
  if (sharing_.prefix_cache == nullptr) return found_;
  cache::PrefixKey key = sequence.prefix_key();
  if (key.tokens.empty()) return found_;
  key.tokens = key.tokens.first(static_cast<size_t>(sequence.num_cacheable()));
  sharing_.prefix_cache->Match(key, found_);
  return found_;
}

void AdmissionView::OrderWaiting(std::span<const ScheduledSequence* const> waiting) {
  queue_.clear();
  for (const ScheduledSequence* sequence : waiting) {
    const bool is_fcfs = sharing_.queue_order == scheduler::QueueOrder::kFcfs;
    const auto num_cached_pages = is_fcfs ? 0 : static_cast<int64_t>(FindPrefix(*sequence).size());
    queue_.push_back({sequence->prefix_key(), num_cached_pages * limits_.page_size, sequence->num_overtaken()});
  }
  scheduler::OrderQueue(sharing_.queue_order, queue_, sharing_.max_overtaken, order_);
}

scheduler::SequenceView AdmissionView::ViewOf(const ScheduledSequence& sequence) {
  scheduler::SequenceView view = sequence.View();
  for (const cache::PageId id : FindPrefix(sequence)) {
    view.num_computed += limits_.page_size;
    if (sharing_.prefix_cache->is_swapped(id)) continue;  // comes back into a page like any that is written
    ++view.num_pages;
    view.num_idle_pages += pool_->ref_count(id) == 0 ? 1 : 0;
  }
  const int64_t num_with_next_page = view.num_computed + limits_.page_size;
  view.awaits_prefix = sharing_.prefix_cache != nullptr && num_with_next_page <= sequence.num_cacheable() &&
                       std::any_of(beginners_.begin(), beginners_.end(), [&](const ScheduledSequence* before) {
                         return ShareMore(before->prefix_key(), sequence.prefix_key(), num_with_next_page);
                       });
  return view;
}

}  // namespace tenfold::engine
