// LoadMonitor: what the server did in the last seconds, for the log and for clients who are sent away.
//
// Ticks come from a timer of the I/O thread, so their delay is the I/O thread's own. Lives there.
#pragma once

#include <chrono>
#include <string>

#include "tenfold/engine/engine_api.h"
#include "tenfold/server/metrics.h"

namespace tenfold::server {

class LoadMonitor {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kTickInterval{100};

  // A line goes into the log every `log_interval_s` seconds in which something was computed; 0 = never.
  LoadMonitor(engine::EngineApi& engine, Metrics& metrics, double log_interval_s)
      : engine_(engine), metrics_(metrics), log_interval_s_(log_interval_s) {}

  // Every kTickInterval after the last tick returned.
  void Tick(Clock::time_point now);

  // When a place in a full queue can be expected: whole seconds, at least 1, at most 60. By the pace at which requests
  // ended over the last interval of kPaceInterval.
  int RetryAfterSeconds() const;

 private:
  static constexpr std::chrono::seconds kPaceInterval{5};

  void Log(const engine::EngineStats& stats, double seconds);

  engine::EngineApi& engine_;
  Metrics& metrics_;
  const double log_interval_s_;
  Clock::time_point last_tick_{};
  double processor_s_ = 0;  // of the I/O thread, at the last tick
  Clock::time_point pace_since_{};
  uint64_t num_ended_before_ = 0;
  double ended_per_s_ = 1;
  Clock::time_point logged_at_{};
  engine::EngineStats logged_;
};

}  // namespace tenfold::server
