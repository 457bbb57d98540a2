// Kwon et al., SOSP 2023: memory that is wasted by reservations, how many sequences run at once, and the rate at which
// the latency is the same. Figures 2, 12 and 13.
#include <algorithm>

#include "tenfold/bench/paper_bench.h"

namespace tenfold::bench {
namespace {

using Run =
    std::function<Result<ReplayResult>(const ReplayOptions& options, std::span<const WorkloadRequest> requests)>;

struct Setting {
  ReplayOptions options;
  WorkloadOptions workload;
  double latency_limit_s;      // mean, an output token
  double low_rate, high_rate;  // that capacities are looked for between
  double saturating_rate;
  double precision = 1.025;
};

struct Figures {
  double capacity = 0;
  double mean_running = 0;
  double cache_use = 0;
};

// Errors of a run end the bench: they are no matter of the rate.
Result<Figures> Measure(const Run& run, const Setting& setting, std::string_view policy) {
  ReplayOptions options = setting.options;
  options.policy = policy;
  const auto at = [&](double rate) -> Result<ReplayResult> {
    WorkloadOptions workload = setting.workload;
    workload.requests_per_s = rate;
    ASSIGN_OR_RETURN(const auto requests, MakeWorkload(workload));
    return run(options, requests);
  };
  ASSIGN_OR_RETURN(const ReplayResult saturated, at(setting.saturating_rate));
  Figures figures{.mean_running = saturated.mean_running, .cache_use = saturated.cache_use};
  figures.capacity = FindCapacity(
      setting.low_rate, setting.high_rate,
      [&](double rate) { return at(rate).value().mean_normalized_latency_s() <= setting.latency_limit_s; },
      setting.precision);
  return figures;
}

constexpr std::string_view kPolicies[] = {"static", "orca-max", "orca-pow2", "orca-oracle", "prefill-first", "sarathi"};
enum PolicyIndex { kStatic, kMax, kPow2, kOracle, kPaged, kSarathi, kNumPolicies };

Result<std::vector<Figures>> MeasureAll(const Run& run, const Setting& setting) {
  std::vector<Figures> figures;
  for (const std::string_view policy : kPolicies) {
    ASSIGN_OR_RETURN(const Figures measured, Measure(run, setting, policy));
    figures.push_back(measured);
  }
  return figures;
}

// Lengths divided by 4, memory for two sequences of the greatest length, five times the unloaded latency.
Result<Setting> SettingHere(const PaperBench& bench, const Run& run) {
  Setting setting{};
  setting.workload = {.name = "sharegpt", .num_requests = bench.quick ? 60 : 150, .length_divisor = 4};
  ASSIGN_OR_RETURN(const int64_t longest, MaxTotalTokens(setting.workload));
  setting.options = {.num_cache_tokens = 2 * RoundUp<int64_t>(longest, 16),
                     .page_size = 16,
                     .max_model_len = longest,
                     .max_num_seqs = 32,
                     .max_num_batched_tokens = 128};
  WorkloadOptions alone = setting.workload;
  alone.num_requests = 12;
  alone.requests_per_s = 1e-6;
  ASSIGN_OR_RETURN(const auto requests, MakeWorkload(alone));
  ASSIGN_OR_RETURN(const ReplayResult unloaded, run(setting.options, requests));
  setting.latency_limit_s = 5 * unloaded.mean_normalized_latency_s();
  double mean_s = 0;
  for (const RequestOutcome& outcome : unloaded.requests) mean_s += (outcome.end_s - outcome.arrival_s) / 12;
  setting.low_rate = 0.05 / mean_s;
  setting.high_rate = 20 / mean_s;
  setting.saturating_rate = 20 / mean_s;
  setting.precision = 1.1;
  return setting;
}

}  // namespace

Status BenchPagedAttention(const PaperBench& bench) {
  bench.report->AddText("PagedAttention: OPT-13B on an A100 of 40 GB, 15.7K tokens of cache, ShareGPT's lengths\n");
  const Setting paper{.options = {.cost = kOpt13bOnA100, .num_cache_tokens = 15'700},
                      .workload = {.name = "sharegpt", .num_requests = 800},
                      .latency_limit_s = 0.1,
                      .low_rate = 0.02,
                      .high_rate = 16,
                      .saturating_rate = 4};
  ASSIGN_OR_RETURN(const std::vector<Figures> replayed, MeasureAll(Replay, paper));
  std::vector<Figures> here;
  MeasuredCost cost;
  ASSIGN_OR_RETURN(const bool measures, CanMeasureHere(bench, 128, cost));
  if (measures) {
    const Run run = [&bench](const ReplayOptions& options, std::span<const WorkloadRequest> requests) {
      return ReplayOnEngine(options, requests, *bench.machine);
    };
    ASSIGN_OR_RETURN(const Setting setting, SettingHere(bench, run));
    bench.report->AddText(fmt::format(
        "Here: lengths / 4, {} tokens of cache, pages of 16, {} requests a probe, seed 1; capacity at {} an output "
        "token",
        setting.options.num_cache_tokens, setting.workload.num_requests, FormatSeconds(setting.latency_limit_s)));
    ASSIGN_OR_RETURN(here, MeasureAll(run, setting));
  }
  AddFigureHead(bench);
  const auto add = [&](std::string_view figure, std::string_view of_paper, auto value_of) {
    AddFigure(bench, "paged-attention", figure, of_paper, value_of(replayed),
              here.empty() ? std::nullopt : std::optional<double>(value_of(here)));
  };
  using All = std::vector<Figures>;
  add("cache in use, orca-max, %", "20.4", [](const All& f) { return 100 * f[kMax].cache_use; });
  add("cache in use, orca-pow2, %", "26.8", [](const All& f) { return 100 * f[kPow2].cache_use; });
  add("cache in use, orca-oracle, %", "38.2", [](const All& f) { return 100 * f[kOracle].cache_use; });
  add("cache in use, paged, %", "96.3", [](const All& f) { return 100 * f[kPaged].cache_use; });
  add("sequences at once, paged over orca-max", "4.3",
      [](const All& f) { return f[kPaged].mean_running / f[kMax].mean_running; });
  add("sequences at once, paged over orca-oracle", "2.2",
      [](const All& f) { return f[kPaged].mean_running / f[kOracle].mean_running; });
  add("rate at the same latency, paged over request-level", "up to 22",
      [](const All& f) { return f[kPaged].capacity / f[kStatic].capacity; });
  add("rate at the same latency, paged over orca-max", "2.7-8",
      [](const All& f) { return f[kPaged].capacity / f[kMax].capacity; });
  add("rate at the same latency, paged over orca-oracle", "1.7-2.7",
      [](const All& f) { return f[kPaged].capacity / f[kOracle].capacity; });
  add("rate at the same latency, sarathi over orca-max", "-",
      [](const All& f) { return f[kSarathi].capacity / f[kMax].capacity; });
  return {};
}

}  // namespace tenfold::bench
