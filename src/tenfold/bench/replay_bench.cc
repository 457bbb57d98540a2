#include "tenfold/bench/replay_bench.h"

#include <cstdlib>

#include <fmt/format.h>

#include "tenfold/scheduler/policies.h"

namespace tenfold::bench {
namespace {

void AddRun(std::string_view policy, double rate, const ReplayResult& result, Report& report) {
  report.Add({{"name", "replay"},
              {"policy", policy},
              {"request_rate", rate},
              {"request_throughput", result.throughput()},
              {"mean_normalized_latency_s", result.mean_normalized_latency_s()},
              {"median_scheduling_delay_s", result.median_scheduling_delay_s()},
              {"median_ttft_s", result.TimeToFirstToken(0.5)},
              {"p99_ttft_s", result.TimeToFirstToken(0.99)},
              {"p99_tbt_s", result.TokenGap(0.99)},
              {"max_tbt_s", result.TokenGap(1)},
              {"mean_running", result.mean_running},
              {"percent_of_cache", 100 * result.cache_use},
              {"percent_of_pages", 100 * result.page_use},
              {"preemptions", result.num_preemptions},
              {"computed_tokens", result.num_computed_tokens},
              {"swapped_pages", result.num_swapped_pages},
              {"prefix_hit_rate", result.prefix_hit_rate()}},
             fmt::format("{:<14}{:>8.3g}{:>9.3g}{:>11.4f}{:>9.3f}{:>9.3f}{:>9.3f}{:>9.1f}{:>7.1f} %{:>7.1f} %{:>9}\n",
                         policy, rate, result.throughput(), result.mean_normalized_latency_s(),
                         result.TimeToFirstToken(0.5), result.TimeToFirstToken(0.99), result.TokenGap(0.99),
                         result.mean_running, 100 * result.cache_use, 100 * result.page_use, result.num_preemptions));
}

}  // namespace

Result<StepCost> MachineCost(std::string_view name) {
  constexpr std::string_view kCpu = "cpu:";
  if (name == "opt-13b-a100") return kOpt13bOnA100;
  if (name == "mistral-7b-a100") return kMistral7bOnA100;
  if (name == "yi-34b-2xa100") return kYi34bOnTwoA100;
  if (name.starts_with(kCpu)) {
    const std::string number(name.substr(kCpu.size()));
    char* end = nullptr;
    const double batch_for_free = std::strtod(number.c_str(), &end);
    if (!number.empty() && *end == 0 && batch_for_free > 0) return CpuCost(batch_for_free);
  }
  return MakeError(
      ErrorCode::kInvalidArgument,
      "there is no machine \"{}\"; there are opt-13b-a100, mistral-7b-a100, yi-34b-2xa100, and cpu:R, such as "
      "cpu:16",
      name);
}

Status BenchReplay(const ReplayBenchOptions& options, Report& report) {
  ReplayOptions replay = options.replay;
  ASSIGN_OR_RETURN(replay.cost, MachineCost(options.machine));
  ASSIGN_OR_RETURN(const int64_t longest, MaxTotalTokens(options.workload));
  replay.max_model_len = std::max(replay.max_model_len, longest);
  std::vector<std::string> policies = options.policies;
  if (policies.empty()) {
    for (const scheduler::PolicyInfo& policy : scheduler::Policies()) policies.emplace_back(policy.name);
  }
  const auto run = [&](double rate) -> Result<ReplayResult> {
    WorkloadOptions workload = options.workload;
    workload.requests_per_s = rate;
    ASSIGN_OR_RETURN(const auto requests, MakeWorkload(workload));
    return Replay(replay, requests);
  };
  if (options.capacity_at_s > 0) {
    report.AddText(fmt::format("{:<14}{:>9}   (requests/s at a mean of {} s per output token)\n", "policy", "capacity",
                               options.capacity_at_s));
  } else {
    report.AddText(fmt::format("{:<14}{:>8}{:>9}{:>11}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "policy", "rate/s",
                               "done/s", "s/token", "TTFT p50", "TTFT p99", "TBT p99", "running", "cache", "pages",
                               "preempt"));
  }
  for (const std::string& policy : policies) {
    replay.policy = policy;
    if (options.capacity_at_s > 0) {
      RETURN_IF_ERROR(run(1));  // whether it can run at all
      const double capacity = FindCapacity(1e-3, 1e3, [&](double rate) {
        return run(rate).value().mean_normalized_latency_s() <= options.capacity_at_s;
      });
      report.Add({{"name", "capacity"}, {"policy", policy}, {"requests_per_s", capacity}},
                 fmt::format("{:<14}{:>9.3f}\n", policy, capacity));
      continue;
    }
    for (const double rate : options.rates) {
      ASSIGN_OR_RETURN(const ReplayResult result, run(rate));
      AddRun(policy, rate, result, report);
    }
  }
  return {};
}

}  // namespace tenfold::bench
