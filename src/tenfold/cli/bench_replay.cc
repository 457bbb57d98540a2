// tenfold bench replay: scheduling policies under a virtual clock.
#include <memory>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/bench/replay_bench.h"
#include "tenfold/bench/workload.h"
#include "tenfold/cli/bench_commands.h"
#include "tenfold/cli/options.h"

namespace tenfold::cli {
namespace {

struct ReplayFlags {
  std::string workload = "sharegpt";
  std::string prefix_cache = "none";
  bench::ReplayBenchOptions options;
  bool json = false;
};

}  // namespace

Command AddReplayBench(CLI::App& bench_command) {
  CLI::App* command = bench_command.add_subcommand(
      "replay",
      "Send a workload through the scheduler, page pool and page tables that serve, under a virtual clock: a formula "
      "says how long a step takes on a machine. An hour of it takes seconds, and always comes out the same");
  auto flags = std::make_shared<ReplayFlags>();
  bench::ReplayBenchOptions& options = flags->options;
  options.replay.num_cache_tokens = 15'700;
  const auto positive = CLI::Range(1, 1 << 24).description("");
  std::vector<std::string> workloads(bench::WorkloadNames().begin(), bench::WorkloadNames().end());
  command->add_option("--workload", flags->workload, "Lengths as in this paper's trace")
      ->type_name("NAME")
      ->check(CLI::IsMember(workloads));
  command->add_option("--length-divisor", options.workload.length_divisor, "They are divided by this")
      ->type_name("X")
      ->check(CLI::Range(1.0, 1e6).description(""));
  command->add_option("--num-prompts", options.workload.num_requests, "Requests")->type_name("N")->check(positive);
  command->add_option("--request-rate", options.rates, "Requests a second, Poisson; several rates one after the other")
      ->type_name("R,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1e-6, 1e6).description(""));
  command
      ->add_option(
          "--capacity", options.capacity_at_s,
          "Instead of rates: find the greatest one whose mean latency stays within so many seconds an output token")
      ->type_name("SECONDS")
      ->check(CLI::Range(1e-6, 1e6).description(""));
  command->add_option("--scheduling-policy", options.policies, "Only these (default: all)")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember(PolicyNames()));
  command
      ->add_option(
          "--machine", options.machine,
          "opt-13b-a100, mistral-7b-a100, yi-34b-2xa100, or cpu:R: a processor on which R sequences decode in the "
          "time of one")
      ->type_name("NAME");
  command->add_option("--cache-tokens", options.replay.num_cache_tokens, "Room for keys and values")
      ->type_name("N")
      ->check(positive);
  command
      ->add_option("--prefix-cache", flags->prefix_cache,
                   "What a preempted request still finds of itself; trace requests share nothing with each other")
      ->type_name("NAME")
      ->check(CLI::IsMember({"none", "radix", "hash"}));
  command
      ->add_option("--swap-tokens", options.replay.num_swap_tokens,
                   "Room for keys and values that the cache must give up; needs a prefix cache")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 30).description(""));
  command->add_option("--block-size", options.replay.page_size, "Tokens in a page")->type_name("N")->check(positive);
  command->add_option("--max-num-seqs", options.replay.max_num_seqs, "Sequences in one step")
      ->type_name("N")
      ->check(positive);
  command->add_option("--max-num-batched-tokens", options.replay.max_num_batched_tokens, "Tokens in one step")
      ->type_name("N")
      ->check(positive);
  command->add_option("--seed", options.workload.seed, "Of lengths and arrivals")->type_name("N");
  command->add_flag("--json", flags->json, "Print JSON lines");
  return {command, [flags]() -> Status {
            flags->options.workload.name = flags->workload;
            flags->options.replay.prefix_cache = flags->prefix_cache;
            bench::Report report(flags->json);
            return BenchReplay(flags->options, report);
          }};
}

}  // namespace tenfold::cli
