#include "tenfold/server/metrics.h"

#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

#include <prometheus/text_serializer.h>

namespace tenfold::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// vLLM's, so that histograms of both can be laid over one another.
const prometheus::Histogram::BucketBoundaries kFirstTokenBounds = {
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560};
const prometheus::Histogram::BucketBoundaries kInterTokenBounds = {
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80};
const prometheus::Histogram::BucketBoundaries kEndToEndBounds = {0.3, 0.5, 0.8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                                                 30,  40,  50,  60, 120, 240, 480, 960, 1920, 7680};

ClientMetric Sample(MetricType type, double value, std::vector<ClientMetric::Label> labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) = value;
  return metric;
}

}  // namespace

Metrics::Metrics(std::string model_name)
    : model_name_(std::move(model_name)),
      time_to_first_token_(AddHistogram("tenfold:time_to_first_token_seconds",
                                        "From a request's arrival to its first token.", kFirstTokenBounds)),
      inter_token_latency_(AddHistogram("tenfold:inter_token_latency_seconds", "Between two tokens of one sequence.",
                                        kInterTokenBounds)),
      end_to_end_latency_(AddHistogram("tenfold:e2e_request_latency_seconds",
                                       "From a request's arrival to its last token.", kEndToEndBounds)) {}

prometheus::Histogram& Metrics::AddHistogram(const char* name, const char* help,
                                             prometheus::Histogram::BucketBoundaries bounds) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add({{"model_name", model_name_}},
                                                                                    std::move(bounds));
}

std::string Metrics::Render(const engine::EngineStats& stats) const {
  std::vector<MetricFamily> families = registry_.Collect();
  const ClientMetric::Label model{"model_name", model_name_};
  const auto add = [&](const char* name, const char* help, MetricType type, double value) {
    families.push_back({name, help, type, {Sample(type, value, {model})}});
  };
  const double num_used_pages = static_cast<double>(stats.num_pages - stats.num_free_pages);
  add("tenfold:num_requests_running", "Sequences in the batch.", MetricType::Gauge,
      static_cast<double>(stats.num_running));
  add("tenfold:num_requests_waiting", "Sequences waiting for a place in the batch.", MetricType::Gauge,
      static_cast<double>(stats.num_waiting));
  add("tenfold:kv_cache_usage_perc", "Share of the KV pages in use; 1 is all of them.", MetricType::Gauge,
      num_used_pages / static_cast<double>(std::max<int64_t>(stats.num_pages, 1)));
  add("tenfold:prompt_tokens_total", "Prompt tokens of admitted requests.", MetricType::Counter,
      static_cast<double>(stats.num_prompt_tokens));
  add("tenfold:generation_tokens_total", "Tokens generated.", MetricType::Counter,
      static_cast<double>(stats.num_output_tokens));
  add("tenfold:num_preemptions_total", "Sequences put back to waiting for want of pages.", MetricType::Counter,
      static_cast<double>(stats.num_preemptions));

  MetricFamily finished{
      "tenfold:request_success_total", "Sequences that ended, by the reason.", MetricType::Counter, {}};
  const std::pair<const char*, uint64_t> reasons[] = {{"stop", stats.num_finished_stop},
                                                      {"length", stats.num_finished_length},
                                                      {"abort", stats.num_finished_cancelled},
                                                      {"error", stats.num_finished_error}};
  for (const auto& [reason, count] : reasons) {
    finished.metric.push_back(
        Sample(MetricType::Counter, static_cast<double>(count), {model, {"finished_reason", reason}}));
  }
  families.push_back(std::move(finished));

  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return std::move(text).str();
}

}  // namespace tenfold::server
