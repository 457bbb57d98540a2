// Figures for /metrics: the engine's counters as they stand, and times as this server's clients see them.
//
// Names and meanings are vLLM's with the prefix `tenfold:`, so that its dashboards need one replacement. Lives on the
// I/O thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "tenfold/engine/engine_api.h"

namespace tenfold::server {

// What is observed of every request; times in seconds.
enum class Observation {
  kTimeToFirstToken,
  kInterTokenLatency,
  kEndToEndLatency,
  kQueueTime,      // from arrival to the step that computes its first tokens
  kPrefillTime,    // from there to the first output token
  kDecodeTime,     // from there to the last
  kInferenceTime,  // prefill and decode
  kPromptTokens,
  kGenerationTokens,
};

class Metrics {
 public:
  explicit Metrics(std::string model_name);

  void Observe(Observation observation, double value);
  // A request that found the queue full.
  void CountRejected() { ++num_rejected_; }
  // A request whose deadline passed.
  void CountTimedOut() { ++num_timed_out_; }
  // For how long the I/O thread kept its timer waiting, and how much of that it was at work itself; the rest it waited
  // for a processor. The longest since the last Render count.
  void ObserveStall(double seconds, double at_work_s) {
    max_stall_s_ = std::max(max_stall_s_, seconds);
    max_work_s_ = std::max(max_work_s_, std::min(seconds, at_work_s));
  }

  // Prometheus' text format, version 0.0.4.
  std::string Render(const engine::EngineStats& stats);

 private:
  const std::string model_name_;
  prometheus::Registry registry_;
  std::vector<prometheus::Histogram*> histograms_;  // by Observation
  uint64_t num_rejected_ = 0;
  uint64_t num_timed_out_ = 0;
  double max_stall_s_ = 0;
  double max_work_s_ = 0;
};

}  // namespace tenfold::server
