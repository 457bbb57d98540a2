// EventQueue: hands the engine's batches of events to the thread that waits for them, in order.
//
// OnEvents belongs to the engine thread and never blocks for long; Wait may be called by one other thread. The queue
// must outlive the engine.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "tenfold/engine/request.h"

namespace tenfold::cli {

class EventQueue final : public engine::EventSink {
 public:
  using Clock = std::chrono::steady_clock;

  struct Arrival {
    engine::EventBatch events;
    Clock::time_point time;  // when the engine delivered them: waiting for a slow terminal does not count
  };

  void OnEvents(engine::EventBatch batch) override;

  // The next batch, or nullopt when none has come within `timeout`.
  std::optional<Arrival> Wait(std::chrono::milliseconds timeout);

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Arrival> arrivals_;
};

}  // namespace tenfold::cli
