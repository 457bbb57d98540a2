#include "tenfold/server/metrics.h"

#include <algorithm>
#include <limits>
#include <sstream>
#include <utility>
#include <vector>

#include <prometheus/text_serializer.h>

namespace tenfold::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Bounds are vLLM's, so that histograms of both can be laid over one another.
const prometheus::Histogram::BucketBoundaries kFirstTokenBounds = {
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560};
const prometheus::Histogram::BucketBoundaries kInterTokenBounds = {
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80};
const prometheus::Histogram::BucketBoundaries kRequestBounds = {0.3, 0.5, 0.8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                                                30,  40,  50,  60, 120, 240, 480, 960, 1920, 7680};
const prometheus::Histogram::BucketBoundaries kTokenBounds = {1,   2,    5,    10,   20,     50,     100,    200,
                                                              500, 1000, 2000, 5000, 10'000, 20'000, 50'000, 100'000};

struct HistogramInfo {
  const char* name;
  const char* help;
  const prometheus::Histogram::BucketBoundaries& bounds;
};
// In the order of Observation.
const HistogramInfo kHistograms[] = {
    {"tenfold:time_to_first_token_seconds", "From a request's arrival to its first token.", kFirstTokenBounds},
    {"tenfold:inter_token_latency_seconds", "Between two tokens of one sequence.", kInterTokenBounds},
    {"tenfold:e2e_request_latency_seconds", "From a request's arrival to its last token.", kRequestBounds},
    {"tenfold:request_queue_time_seconds", "From a request's arrival to its first step.", kRequestBounds},
    {"tenfold:request_prefill_time_seconds", "From a request's first step to its first token.", kRequestBounds},
    {"tenfold:request_decode_time_seconds", "From a request's first token to its last.", kRequestBounds},
    {"tenfold:request_inference_time_seconds", "From a request's first step to its last token.", kRequestBounds},
    {"tenfold:request_prompt_tokens", "Prompt tokens of a request that ended.", kTokenBounds},
    {"tenfold:request_generation_tokens", "Tokens generated for a request that ended.", kTokenBounds},
};

// The engine counts steps itself.
MetricFamily StepTokens(const engine::EngineStats& stats, const ClientMetric::Label& model) {
  ClientMetric metric;
  metric.label = {model};
  uint64_t num_steps = 0;
  for (size_t i = 0; i < stats.num_steps_by_tokens.size(); ++i) {
    num_steps += stats.num_steps_by_tokens[i];
    const bool is_last = i == stats.kStepTokenBounds.size();
    metric.histogram.bucket.push_back({num_steps, is_last ? std::numeric_limits<double>::infinity()
                                                          : static_cast<double>(stats.kStepTokenBounds[i])});
  }
  metric.histogram.sample_count = num_steps;
  metric.histogram.sample_sum = static_cast<double>(stats.num_computed_tokens);
  return {"tenfold:iteration_tokens_total", "Tokens computed in a step.", MetricType::Histogram, {metric}};
}

ClientMetric Sample(MetricType type, double value, std::vector<ClientMetric::Label> labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) = value;
  return metric;
}

}  // namespace

Metrics::Metrics(std::string model_name) : model_name_(std::move(model_name)) {
  for (const HistogramInfo& info : kHistograms) {
    auto& family = prometheus::BuildHistogram().Name(info.name).Help(info.help).Register(registry_);
    histograms_.push_back(&family.Add({{"model_name", model_name_}}, info.bounds));
  }
}

void Metrics::Observe(Observation observation, double value) {
  histograms_[static_cast<size_t>(observation)]->Observe(value);
}

std::string Metrics::Render(const engine::EngineStats& stats) {
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
  add("tenfold:prefix_cache_queries_total", "Prompt tokens that the prefix cache was asked for.", MetricType::Counter,
      static_cast<double>(stats.prefix_query_tokens));
  add("tenfold:prefix_cache_hits_total", "Of these, tokens that it had.", MetricType::Counter,
      static_cast<double>(stats.prefix_hit_tokens));
  add("tenfold:swap_space_usage_perc", "Share of the swap space in use; 0 without one.", MetricType::Gauge,
      static_cast<double>(stats.num_swapped_pages) / static_cast<double>(std::max<int64_t>(stats.num_swap_pages, 1)));
  add("tenfold:pages_swapped_out_total", "KV pages that went to the swap space.", MetricType::Counter,
      static_cast<double>(stats.num_swapped_out));
  add("tenfold:pages_swapped_in_total", "KV pages that came back from it.", MetricType::Counter,
      static_cast<double>(stats.num_swapped_in));
  add("tenfold:request_rejected_total", "Requests that found the queue full.", MetricType::Counter,
      static_cast<double>(num_rejected_));
  add("tenfold:request_timeout_total", "Requests whose deadline passed.", MetricType::Counter,
      static_cast<double>(num_timed_out_));
  add("tenfold:io_thread_max_stall_seconds", "Longest delay of the I/O thread since the last scrape.",
      MetricType::Gauge, std::exchange(max_stall_s_, 0));
  add("tenfold:io_thread_max_work_seconds", "The most of such a delay that it was at work itself.", MetricType::Gauge,
      std::exchange(max_work_s_, 0));
  families.push_back(StepTokens(stats, model));

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
