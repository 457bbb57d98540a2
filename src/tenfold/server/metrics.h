// Figures for /metrics: the engine's counters as they stand, and latencies as this server's clients see them.
//
// Names and meanings are vLLM's with the prefix `tenfold:`, so that its dashboards need one replacement. Lives on the
// I/O thread.
#pragma once

#include <chrono>
#include <string>

#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "tenfold/engine/engine_api.h"

namespace tenfold::server {

class Metrics {
 public:
  explicit Metrics(std::string model_name);

  using Seconds = std::chrono::duration<double>;
  void ObserveTimeToFirstToken(Seconds time) { time_to_first_token_.Observe(time.count()); }
  void ObserveInterTokenLatency(Seconds time) { inter_token_latency_.Observe(time.count()); }
  void ObserveEndToEndLatency(Seconds time) { end_to_end_latency_.Observe(time.count()); }

  // Prometheus' text format, version 0.0.4.
  std::string Render(const engine::EngineStats& stats) const;

 private:
  prometheus::Histogram& AddHistogram(const char* name, const char* help,
                                      prometheus::Histogram::BucketBoundaries bounds);

  const std::string model_name_;
  prometheus::Registry registry_;
  prometheus::Histogram& time_to_first_token_;
  prometheus::Histogram& inter_token_latency_;
  prometheus::Histogram& end_to_end_latency_;
};

}  // namespace tenfold::server
