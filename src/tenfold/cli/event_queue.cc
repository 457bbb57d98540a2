#include "tenfold/cli/event_queue.h"

#include <utility>

namespace tenfold::cli {

void EventQueue::OnEvents(engine::EventBatch batch) {
  {
    const std::lock_guard lock(mutex_);
    arrivals_.push_back({std::move(batch), Clock::now()});
  }
  arrived_.notify_one();
}

std::optional<EventQueue::Arrival> EventQueue::Wait(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  if (!arrived_.wait_for(lock, timeout, [this] { return !arrivals_.empty(); })) return std::nullopt;
  Arrival arrival = std::move(arrivals_.front());
  arrivals_.pop_front();
  return arrival;
}

}  // namespace tenfold::cli
