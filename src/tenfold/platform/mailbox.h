// Mailbox<T>: a bounded queue between threads. The engine's only door (docs/architecture.md).
//
// Any thread may push; one thread takes. A push never waits: it fails when the box is full or closed, and the sender
// tells its client so. PushUrgent ignores the bound, for messages whose number is bounded by others (a cancellation
// follows a request that got in).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

namespace tenfold::platform {

template <class T>
class Mailbox {
 public:
  enum class PushResult { kOk, kFull, kClosed };

  explicit Mailbox(size_t capacity) : capacity_(capacity) {}

  // Leaves `message` untouched unless it returns kOk.
  PushResult TryPush(T&& message) { return Push(std::move(message), capacity_); }
  PushResult PushUrgent(T&& message) { return Push(std::move(message), std::numeric_limits<size_t>::max()); }

  // Moves all waiting messages, in order, into `taken` (emptied first). With `wait`, blocks until there is one or the
  // box is closed. Returns false when the box is closed and empty.
  bool TakeAll(std::vector<T>& taken, bool wait) {
    taken.clear();
    std::unique_lock lock(mutex_);
    if (wait) filled_.wait(lock, [this] { return closed_ || !messages_.empty(); });
    std::swap(taken, messages_);
    return !(closed_ && taken.empty());
  }

  // Later pushes fail; what is inside can still be taken.
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    filled_.notify_all();
  }

 private:
  PushResult Push(T&& message, size_t capacity) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return PushResult::kClosed;
      if (messages_.size() >= capacity) return PushResult::kFull;
      messages_.push_back(std::move(message));
    }
    filled_.notify_one();
    return PushResult::kOk;
  }

  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<T> messages_;
  bool closed_ = false;
};

}  // namespace tenfold::platform
