// Yu et al., OSDI 2022: scheduling iterations instead of requests. Figure 10; memory enough for all, each system with
// its best batch.
#include <algorithm>
#include <functional>
#include <vector>

#include "tenfold/bench/paper_bench.h"

namespace tenfold::bench {
namespace {

using Run =
    std::function<Result<ReplayResult>(const ReplayOptions& options, std::span<const WorkloadRequest> requests)>;

struct Setting {
  ReplayOptions options;
  int64_t num_requests = 2000;
  double length_divisor = 1;
  std::vector<int64_t> batches;
  double precision = 1.025;
};

Result<std::vector<WorkloadRequest>> Requests(const Setting& setting, double rate, int64_t count) {
  return MakeWorkload(
      {.name = "orca", .num_requests = count, .requests_per_s = rate, .length_divisor = setting.length_divisor});
}

// The greatest rate at a median latency of twice the unloaded one, with the best batch.
Result<double> Capacity(const Run& run, const Setting& setting, std::string_view policy) {
  ReplayOptions options = setting.options;
  options.policy = "orca-oracle";
  options.max_num_seqs = 1;
  ASSIGN_OR_RETURN(const auto alone, Requests(setting, 1e-6, 20));
  ASSIGN_OR_RETURN(const ReplayResult unloaded, run(options, alone));
  const double limit_s = 2 * unloaded.median_normalized_latency_s();
  double mean_s = 0;
  for (const RequestOutcome& outcome : unloaded.requests) mean_s += (outcome.end_s - outcome.arrival_s) / 20;
  double best = 0;
  options.policy = policy;
  for (const int64_t batch : setting.batches) {
    options.max_num_seqs = batch;
    best = std::max(best, FindCapacity(
                              0.1 / mean_s, 100 / mean_s,
                              [&](double rate) {
                                const auto requests = Requests(setting, rate, setting.num_requests).value();
                                return run(options, requests).value().median_normalized_latency_s() <= limit_s;
                              },
                              setting.precision));
  }
  return best;
}

// Requests a second when all of the same length are there from the beginning, one whole batch after the other.
Result<double> Throughput(const Run& run, const Setting& setting, std::string_view policy, int64_t num_requests) {
  ReplayOptions options = setting.options;
  options.policy = policy;
  options.max_num_seqs = 8;
  const std::vector<WorkloadRequest> requests(
      static_cast<size_t>(num_requests),
      {.arrival_s = 0, .num_prompt_tokens = 32, .num_output_tokens = 32, .prompt = {}});
  ASSIGN_OR_RETURN(const ReplayResult result, run(options, requests));
  return result.throughput();
}

struct Figures {
  double capacity = 0;     // iterations over requests
  double one_batch = 0;    // time of one batch that begins and ends together
  double homogeneous = 0;  // throughput with requests of one length
};

Result<Figures> Measure(const Run& run, const Setting& setting) {
  Figures figures;
  ASSIGN_OR_RETURN(const double iterations, Capacity(run, setting, "orca-oracle"));
  ASSIGN_OR_RETURN(const double whole_requests, Capacity(run, setting, "static"));
  figures.capacity = iterations / whole_requests;
  ASSIGN_OR_RETURN(const double one_of_iterations, Throughput(run, setting, "orca-oracle", 8));
  ASSIGN_OR_RETURN(const double one_of_requests, Throughput(run, setting, "static", 8));
  figures.one_batch = one_of_requests / one_of_iterations;
  ASSIGN_OR_RETURN(const double many_of_iterations, Throughput(run, setting, "orca-oracle", 64));
  ASSIGN_OR_RETURN(const double many_of_requests, Throughput(run, setting, "static", 64));
  figures.homogeneous = many_of_iterations / many_of_requests;
  return figures;
}

}  // namespace

Status BenchOrca(const PaperBench& bench) {
  bench.report->AddText(
      "Orca: R = 150, prompts of 32 to 512 tokens, outputs of 1 to 128, twice the unloaded latency\n");
  const Setting paper{
      .options = {.cost = {.weights_s = 30e-3, .token_s = 0.2e-3}, .num_cache_tokens = 1 << 20, .max_model_len = 641},
      .batches = {4, 8, 16, 64, 128}};
  ASSIGN_OR_RETURN(const Figures replayed, Measure(Replay, paper));
  std::optional<Figures> here, replayed_here;
  MeasuredCost cost;
  ASSIGN_OR_RETURN(const bool measures, CanMeasureHere(bench, 128, cost));
  if (measures) {
    Setting setting{
        .options = {.num_cache_tokens = 32 * 192, .page_size = 16, .max_model_len = 176, .max_num_batched_tokens = 128},
        .num_requests = bench.quick ? 60 : 150,
        .length_divisor = 4,
        .batches = {4, 8, 16},
        .precision = 1.1};
    bench.report->AddText(
        fmt::format("Here: lengths / 4, batches of 4, 8 and 16, {} requests a probe, seed 1\n", setting.num_requests));
    ASSIGN_OR_RETURN(here, Measure(
                               [&bench](const ReplayOptions& options, std::span<const WorkloadRequest> requests) {
                                 return ReplayOnEngine(options, requests, *bench.machine);
                               },
                               setting));
    setting.options.cost = CpuCost(cost.batch_for_free());
    setting.num_requests = 1000;
    ASSIGN_OR_RETURN(replayed_here, Measure(Replay, setting));
  }
  AddFigureHead(bench);
  const auto add = [&](std::string_view figure, std::string_view of_paper, double Figures::*value) {
    AddFigure(bench, "orca", figure, of_paper, replayed.*value,
              here ? std::optional<double>((*here).*value) : std::nullopt);
  };
  add("rate at twice the latency, iterations over requests", "36.9", &Figures::capacity);
  add("one batch that ends together, time over request-level", "about 1", &Figures::one_batch);
  add("requests of one length, throughput over request-level", "at least 1", &Figures::homogeneous);
  if (replayed_here) {
    AddFigure(bench, "orca", "the first, replayed with this machine's R", "-", replayed_here->capacity, here->capacity);
  }
  bench.report->AddText("The paper's factor also holds pipelining over 16 GPUs and the padding of its rival.\n");
  return {};
}

}  // namespace tenfold::bench
