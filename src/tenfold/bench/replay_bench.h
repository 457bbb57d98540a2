// `tenfold bench replay`: a workload through several scheduling policies at several rates, under a virtual clock.
#pragma once

#include <string>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/base/result.h"
#include "tenfold/bench/replay.h"
#include "tenfold/bench/report.h"

namespace tenfold::bench {

struct ReplayBenchOptions {
  WorkloadOptions workload;
  std::vector<double> rates = {1};
  std::vector<std::string> policies;  // empty: all of them
  std::string machine = "opt-13b-a100";
  ReplayOptions replay;  // policy and cost are replaced by those above
  // Instead of the rates: the greatest rate of which the mean normalized latency stays within this; 0 = not asked.
  double capacity_at_s = 0;
};

// "opt-13b-a100", "mistral-7b-a100", "yi-34b-2xa100", or "cpu:R" for a processor on which R sequences decode in the
// time of one. Errors: kInvalidArgument.
Result<StepCost> MachineCost(std::string_view name);

// A line for each policy and rate, the same every time. Errors: those of Replay.
Status BenchReplay(const ReplayBenchOptions& options, Report& report);

}  // namespace tenfold::bench
