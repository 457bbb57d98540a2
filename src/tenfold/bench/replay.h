// Replay: a workload through the real scheduler, page pool and page tables, under a virtual clock (law 6). The model is
// replaced by a formula for the time of a step, so an hour of a large machine takes a second, and always the same way.
//
// What comes out depends on scheduling and memory alone; whether a machine's kernels keep to the formula is another
// question.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/bench/workload.h"
#include "tenfold/scheduler/queue_order.h"

namespace tenfold::bench {

// Seconds of a step: overhead + max(weights, tokens * per token) + cached tokens that its sequences read * per one +
// tokens moved to and from the swap space * per one.
struct StepCost {
  double overhead_s = 0;
  double weights_s = 0;        // reading the weights: what a step of few tokens takes
  double token_s = 0;          // computing one token among many
  double cached_token_s = 0;   // reading one token's keys and values
  double swapped_token_s = 0;  // moving them to the swap space or back

  double Seconds(int64_t num_tokens, int64_t num_cached_tokens, int64_t num_swapped_tokens = 0) const;
  // How many sequences decode before another one costs time: what every gain by batching is bounded by.
  double batch_for_free() const { return weights_s / token_s; }
};

// Machines of the papers, as fits to what their authors published; swapping at 25 GB/s, PCIe 4.0 with 16 lanes.
inline constexpr StepCost kOpt13bOnA100 = {4e-3, 20.9e-3, 0.167e-3, 0.88e-6, 33e-6};
inline constexpr StepCost kMistral7bOnA100 = {3e-3, 9.5e-3, 0.084e-3, 0.11e-6, 5.2e-6};
inline constexpr StepCost kYi34bOnTwoA100 = {4e-3, 60e-3, 0.212e-3, 0.2e-6, 5e-6};
// A processor on which `batch_for_free` sequences decode in the time of one: 30 ms. Swapping reads and writes.
constexpr StepCost CpuCost(double batch_for_free) {
  return {0, 30e-3, 30e-3 / batch_for_free, 2e-5 * 30e-3, 2 * 2e-5 * 30e-3};
}

struct ReplayOptions {
  std::string_view policy = "sarathi";
  StepCost cost = kOpt13bOnA100;
  int64_t num_cache_tokens = 0;  // that keys and values have room for; rounded down to pages
  int64_t page_size = 16;
  int64_t max_model_len = 2048;
  int64_t max_num_seqs = 256;
  int64_t max_num_batched_tokens = 512;    // more where the policy needs it (policies.h)
  std::string_view prefix_cache = "none";  // or "radix", "hash"; a request whose tokens are not given shares nothing
  int64_t num_swap_tokens = 0;             // that the swap space has room for; needs a prefix cache
  std::string_view queue_order = "fcfs";
  int64_t max_overtaken = scheduler::kDefaultMaxOvertaken;
};

struct RequestOutcome {
  double arrival_s = 0;
  double first_scheduled_s = 0;
  double first_token_s = 0;
  double end_s = 0;
  int64_t num_output_tokens = 0;
  int64_t num_preemptions = 0;

  double normalized_latency_s() const { return (end_s - arrival_s) / static_cast<double>(num_output_tokens); }
};

struct ReplayResult {
  std::vector<RequestOutcome> requests;  // in order of arrival
  std::vector<double> token_gaps_s;      // between consecutive tokens of a request, preemptions included; sorted
  int64_t num_steps = 0;
  int64_t num_preemptions = 0;
  int64_t num_computed_tokens = 0;      // in all steps: more than there are, where some are computed again
  int64_t num_swapped_pages = 0;        // moved out and in
  int64_t num_prefix_query_tokens = 0;  // of admitted prompts, each once
  int64_t num_prefix_hit_tokens = 0;    // of these, tokens that the prefix cache had
  double end_s = 0;
  double longest_full_step_s = 0;  // of steps that used the whole budget; 0 without any
  // Averages over the time between the arrivals of a tenth and nine tenths of the requests.
  double mean_running = 0;
  double cache_use = 0;  // cached tokens in all the room there is
  double page_use = 0;   // cached tokens in the room of the pages taken

  double mean_normalized_latency_s() const;
  double median_normalized_latency_s() const;
  double median_scheduling_delay_s() const;
  double TokenGap(double quantile) const;
  double TimeToFirstToken(double quantile) const;
  double prefix_hit_rate() const;
  // Requests finished in a second.
  double throughput() const { return static_cast<double>(requests.size()) / end_s; }
};

// Errors: kInvalidArgument (an unknown policy, limits that make no sense, a request that cannot fit).
Result<ReplayResult> Replay(const ReplayOptions& options, std::span<const WorkloadRequest> requests);

// The greatest rate in [low, high] that `sustains` says yes to, by bisection of its logarithm, to within `precision`; 0
// when it does not even sustain `low`. `sustains` must hold below some rate and not above it.
double FindCapacity(double low, double high, const std::function<bool(double requests_per_s)>& sustains,
                    double precision = 1.025);

}  // namespace tenfold::bench
