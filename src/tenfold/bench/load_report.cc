#include "tenfold/bench/load_report.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "tenfold/bench/statistics.h"

namespace tenfold::bench {
namespace {

constexpr size_t kMaxErrorsShown = 3;

// Milliseconds of one kind, over the completed requests.
struct Series {
  const char* name;
  const char* title;
  std::vector<double> values = {};
};

double TpotMs(const LoadOutcome& outcome) {
  return (outcome.end_s - outcome.first_text_s) * 1000 / static_cast<double>(outcome.num_output_tokens - 1);
}

std::vector<Series> AllSeries(const LoadRun& run) {
  std::vector<Series> series = {{"ttft", "Time to first token"},
                                {"tpot", "Time per output token"},
                                {"itl", "Inter-token latency"},
                                {"e2el", "End-to-end latency"},
                                {"normalized_latency", "Latency per output token"}};
  for (const LoadOutcome& outcome : run.outcomes) {
    if (!outcome.error.empty()) continue;
    const double latency_ms = (outcome.end_s - outcome.start_s) * 1000;
    series[0].values.push_back((outcome.first_text_s - outcome.start_s) * 1000);
    if (outcome.num_output_tokens > 1) series[1].values.push_back(TpotMs(outcome));
    for (const double gap_s : outcome.gaps_s) series[2].values.push_back(gap_s * 1000);
    series[3].values.push_back(latency_ms);
    series[4].values.push_back(latency_ms / static_cast<double>(std::max<int64_t>(outcome.num_output_tokens, 1)));
  }
  return series;
}

void AddSeries(const Series& series, const std::vector<double>& percentiles, json::object& summary) {
  const std::vector<double>& values = series.values;
  const auto count = static_cast<double>(std::max<size_t>(values.size(), 1));
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const auto add = [&](const std::string& prefix, double value) {
    summary[fmt::format("{}_{}_ms", prefix, series.name)] = value;
  };
  add("mean", mean);
  add("median", values.empty() ? 0 : Quantile(values, 0.5));
  add("std", std::sqrt(squares / count));
  for (const double percentile : percentiles) {
    add(fmt::format("p{:g}", percentile), values.empty() ? 0 : Quantile(values, percentile / 100));
  }
  add("max", values.empty() ? 0 : *std::max_element(values.begin(), values.end()));
}

bool IsGood(const LoadOutcome& outcome, const Goodput& goodput) {
  if (!outcome.error.empty()) return false;
  const auto holds = [](double limit_ms, double value_ms) { return limit_ms <= 0 || value_ms <= limit_ms; };
  return holds(goodput.ttft_ms, (outcome.first_text_s - outcome.start_s) * 1000) &&
         holds(goodput.e2el_ms, (outcome.end_s - outcome.start_s) * 1000) &&
         (outcome.num_output_tokens < 2 || holds(goodput.tpot_ms, TpotMs(outcome)));
}

double NumberOf(const json::object& summary, std::string_view name) {
  return summary.at(name).to_number<double>();
}

}  // namespace

Status AddGoodput(std::string_view text, Goodput& goodput) {
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  double* const limit_ms = name == "ttft"   ? &goodput.ttft_ms
                           : name == "tpot" ? &goodput.tpot_ms
                           : name == "e2el" ? &goodput.e2el_ms
                                            : nullptr;
  char* end = nullptr;
  const std::string number(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  const double value = std::strtod(number.c_str(), &end);
  if (limit_ms == nullptr || number.empty() || *end != 0 || !(value > 0)) {
    return MakeError(ErrorCode::kInvalidArgument, "\"{}\" is no goal such as ttft:500, tpot:50 or e2el:2000 (ms)",
                     text);
  }
  *limit_ms = value;
  return {};
}

json::object SummarizeLoad(const LoadRun& run, const std::vector<double>& percentiles, const Goodput& goodput) {
  int64_t num_completed = 0, num_good = 0, num_input = 0, num_cached = 0, num_output = 0;
  for (const LoadOutcome& outcome : run.outcomes) {
    num_good += IsGood(outcome, goodput) ? 1 : 0;
    if (!outcome.error.empty()) continue;
    ++num_completed;
    num_input += outcome.num_prompt_tokens;
    num_cached += outcome.num_cached_tokens;
    num_output += outcome.num_output_tokens;
  }
  const auto per_second = [&](int64_t count) { return static_cast<double>(count) / std::max(run.duration_s, 1e-9); };
  json::object summary = {{"duration", run.duration_s},
                          {"completed", num_completed},
                          {"failed", static_cast<int64_t>(run.outcomes.size()) - num_completed},
                          {"total_input_tokens", num_input},
                          {"total_cached_tokens", num_cached},
                          {"total_output_tokens", num_output},
                          {"request_throughput", per_second(num_completed)},
                          {"output_throughput", per_second(num_output)},
                          {"total_token_throughput", per_second(num_input + num_output)},
                          {"max_concurrent_requests", run.max_running}};
  if (goodput.is_set()) summary["request_goodput"] = per_second(num_good);
  for (const Series& series : AllSeries(run)) AddSeries(series, percentiles, summary);
  return summary;
}

void AddDetails(const LoadRun& run, json::object& summary) {
  json::array input_lens, output_lens, ttfts, itls, start_times, errors;
  for (const LoadOutcome& outcome : run.outcomes) {
    input_lens.push_back(outcome.num_prompt_tokens);
    output_lens.push_back(outcome.num_output_tokens);
    ttfts.push_back(outcome.error.empty() ? outcome.first_text_s - outcome.start_s : 0.0);
    itls.push_back(json::value_from(outcome.gaps_s));
    start_times.push_back(outcome.start_s);
    errors.push_back(json::value(outcome.error));
  }
  summary["input_lens"] = std::move(input_lens);
  summary["output_lens"] = std::move(output_lens);
  summary["ttfts"] = std::move(ttfts);
  summary["itls"] = std::move(itls);
  summary["start_times"] = std::move(start_times);
  summary["errors"] = std::move(errors);
}

std::string LoadTable(const LoadRun& run, const json::object& summary, const std::vector<double>& percentiles) {
  std::string table;
  const auto row = [&](std::string_view title, const std::string& value) {
    table += fmt::format("{:<28}{:>12}\n", title, value);
  };
  const auto count = [&](std::string_view title, std::string_view name) {
    row(title, fmt::format("{}", summary.at(name).to_number<int64_t>()));
  };
  const auto rate = [&](std::string_view title, std::string_view name) {
    row(title, fmt::format("{:.2f}", NumberOf(summary, name)));
  };
  rate("Duration, s", "duration");
  count("Completed requests", "completed");
  count("Failed requests", "failed");
  count("Most requests at once", "max_concurrent_requests");
  count("Prompt tokens", "total_input_tokens");
  count("  of these cached", "total_cached_tokens");
  count("Output tokens", "total_output_tokens");
  rate("Requests/s", "request_throughput");
  if (summary.contains("request_goodput")) rate("Good requests/s", "request_goodput");
  rate("Output tokens/s", "output_throughput");
  rate("Prompt and output tokens/s", "total_token_throughput");
  table += fmt::format("\n{:<28}{:>12}{:>12}", "ms", "mean", "median");
  for (const double percentile : percentiles) table += fmt::format("{:>12}", fmt::format("p{:g}", percentile));
  table += fmt::format("{:>12}\n", "max");
  for (const Series& series : AllSeries(run)) {
    const auto add = [&](const std::string& prefix) {
      table += fmt::format("{:>12.2f}", NumberOf(summary, fmt::format("{}_{}_ms", prefix, series.name)));
    };
    table += fmt::format("{:<28}", series.title);
    add("mean");
    add("median");
    for (const double percentile : percentiles) add(fmt::format("p{:g}", percentile));
    add("max");
    table += '\n';
  }
  size_t num_shown = 0;
  for (const LoadOutcome& outcome : run.outcomes) {
    if (outcome.error.empty() || num_shown++ == kMaxErrorsShown) continue;
    table += fmt::format("{}failed: {}\n", num_shown == 1 ? "\n" : "", outcome.error);
    if (num_shown == kMaxErrorsShown) break;
  }
  return table;
}

}  // namespace tenfold::bench
