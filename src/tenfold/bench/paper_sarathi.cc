// Agrawal et al., OSDI 2024: chunks of prompts beside decodes. Figures 10 and 11: the greatest rate at which tokens
// keep their pace (P99 of the time between tokens; median wait of at most 60 reference steps).
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
  WorkloadOptions workload;
  double slo_s;          // P99 time between tokens
  double delay_limit_s;  // median
  double low_rate, high_rate;
  double precision = 1.025;
  int64_t orca_batch = 16;
};

Result<ReplayResult> RunAt(const Run& run, const Setting& setting, std::string_view policy, double rate) {
  ReplayOptions options = setting.options;
  options.policy = policy;
  if (policy.starts_with("orca")) options.max_num_seqs = setting.orca_batch;
  WorkloadOptions workload = setting.workload;
  workload.requests_per_s = rate;
  ASSIGN_OR_RETURN(const auto requests, MakeWorkload(workload));
  return run(options, requests);
}

Result<double> Capacity(const Run& run, const Setting& setting, std::string_view policy) {
  RETURN_IF_ERROR(RunAt(run, setting, policy, setting.low_rate));  // whether it runs at all
  return FindCapacity(
      setting.low_rate, setting.high_rate,
      [&](double rate) {
        const ReplayResult result = RunAt(run, setting, policy, rate).value();
        return result.TokenGap(0.99) <= setting.slo_s && result.median_scheduling_delay_s() <= setting.delay_limit_s;
      },
      setting.precision);
}

struct Figures {
  double over_prefill_first = 0;  // capacities
  double over_orca = 0;
  double gap_ratio = 0;   // P99 time between tokens at 0.7 of Sarathi's capacity, prefill-first over Sarathi
  double gap_of_slo = 0;  // Sarathi's there, of what is allowed
  double ttft_ratio = 0;  // median time to first token there, Sarathi over prefill-first
};

Result<Figures> Measure(const Run& run, const Setting& setting) {
  Figures figures;
  ASSIGN_OR_RETURN(const double sarathi, Capacity(run, setting, "sarathi"));
  ASSIGN_OR_RETURN(const double prefill_first, Capacity(run, setting, "prefill-first"));
  ASSIGN_OR_RETURN(const double orca, Capacity(run, setting, "orca-max"));
  figures.over_prefill_first = sarathi / prefill_first;
  figures.over_orca = sarathi / orca;
  ASSIGN_OR_RETURN(const ReplayResult ours, RunAt(run, setting, "sarathi", 0.7 * sarathi));
  ASSIGN_OR_RETURN(const ReplayResult theirs, RunAt(run, setting, "prefill-first", 0.7 * sarathi));
  figures.gap_ratio = theirs.TokenGap(0.99) / ours.TokenGap(0.99);
  figures.gap_of_slo = ours.TokenGap(0.99) / setting.slo_s;
  figures.ttft_ratio = ours.TimeToFirstToken(0.5) / theirs.TimeToFirstToken(0.5);
  return figures;
}

// A prompt of 512 tokens in chunks of `budget`, over its time in one piece.
Result<double> ChunkOverhead(const Run& run, ReplayOptions options, int64_t budget) {
  constexpr int kPrompts = 7;
  const std::vector<WorkloadRequest> requests(
      kPrompts, {.arrival_s = 0, .num_prompt_tokens = 512, .num_output_tokens = 1, .prompt = {}});
  options.policy = "sarathi";
  options.max_num_seqs = 1;
  std::vector<double> ratios;
  for (int i = 0; i < 3; ++i) {
    options.max_num_batched_tokens = budget;
    ASSIGN_OR_RETURN(const ReplayResult chunked, run(options, requests));
    options.max_num_batched_tokens = 512;
    ASSIGN_OR_RETURN(const ReplayResult whole, run(options, requests));
    ratios.push_back(chunked.end_s / whole.end_s);
  }
  std::sort(ratios.begin(), ratios.end());
  return ratios[1];
}

// Lengths / 8; a pace of five times a step of 8 sequences behind 512 tokens each; the budget is what that leaves beside
// the decodes.
Result<Setting> SettingHere(const PaperBench& bench, const Run& run, const MeasuredCost& cost) {
  Setting setting{};
  setting.workload = {.name = "sarathi-chat", .num_requests = bench.quick ? 60 : 120, .length_divisor = 8};
  ASSIGN_OR_RETURN(const int64_t longest, MaxTotalTokens(setting.workload));
  setting.options = {.num_cache_tokens = 24 * RoundUp<int64_t>(longest, 32),
                     .page_size = 32,
                     .max_model_len = longest,
                     .max_num_seqs = 32,
                     .max_num_batched_tokens = 512};
  const std::vector<WorkloadRequest> reference(
      8, {.arrival_s = 0, .num_prompt_tokens = 512, .num_output_tokens = 32, .prompt = {}});
  ReplayOptions options = setting.options;
  options.policy = "prefill-first";
  ASSIGN_OR_RETURN(const ReplayResult reference_run, run(options, reference));
  const double step_s = reference_run.TokenGap(0.5);
  setting.slo_s = 5 * step_s;
  setting.delay_limit_s = 60 * step_s;
  const auto fits = static_cast<int64_t>((setting.slo_s - step_s) / cost.marginal_token_s);
  setting.options.max_num_batched_tokens = std::clamp<int64_t>(fits / 32 * 32, 32, 512);
  const double prompt_s = 290 * cost.marginal_token_s;
  setting.low_rate = 0.02 / prompt_s;
  setting.high_rate = 1 / prompt_s;
  setting.precision = 1.1;
  setting.orca_batch = 8;
  bench.report->AddText(
      fmt::format("Here: lengths / 8, {} requests a probe, seed 1; a reference step takes {}, the P99 between "
                  "tokens may take {}, the budget is {} tokens\n",
                  setting.workload.num_requests, FormatSeconds(step_s), FormatSeconds(setting.slo_s),
                  setting.options.max_num_batched_tokens));
  return setting;
}

}  // namespace

Status BenchSarathi(const PaperBench& bench) {
  bench.report->AddText(
      "Sarathi-Serve: Mistral-7B on an A100 of 80 GB, chat lengths, strict pace 0.1 s (budget 512)\n");
  Setting strict{.options = {.cost = kMistral7bOnA100,
                             .num_cache_tokens = 460'000,
                             .max_model_len = 8193,
                             .max_num_seqs = 128,
                             .max_num_batched_tokens = 512},
                 .workload = {.name = "sarathi-chat", .num_requests = 500},
                 .slo_s = 0.1,
                 .delay_limit_s = 2,
                 .low_rate = 0.05,
                 .high_rate = 10};
  ASSIGN_OR_RETURN(const Figures replayed, Measure(Replay, strict));
  Setting relaxed = strict;
  relaxed.slo_s = 0.5;
  relaxed.options.max_num_batched_tokens = 2048;
  ASSIGN_OR_RETURN(const Figures replayed_relaxed, Measure(Replay, relaxed));
  std::optional<Figures> here;
  std::optional<double> small_chunks, large_chunks;
  MeasuredCost cost;
  ASSIGN_OR_RETURN(const bool measures, CanMeasureHere(bench, 512, cost));
  if (measures) {
    const Run run = [&bench](const ReplayOptions& options, std::span<const WorkloadRequest> requests) {
      return ReplayOnEngine(options, requests, *bench.machine);
    };
    ASSIGN_OR_RETURN(const Setting setting, SettingHere(bench, run, cost));
    ASSIGN_OR_RETURN(here, Measure(run, setting));
    const auto r = static_cast<int64_t>(cost.batch_for_free());
    ASSIGN_OR_RETURN(small_chunks, ChunkOverhead(run, setting.options, 4 * r));
    ASSIGN_OR_RETURN(large_chunks, ChunkOverhead(run, setting.options, std::min<int64_t>(16 * r, 512)));
  }
  AddFigureHead(bench);
  const auto add = [&](std::string_view figure, std::string_view of_paper, double Figures::*value) {
    AddFigure(bench, "sarathi", figure, of_paper, replayed.*value,
              here ? std::optional<double>((*here).*value) : std::nullopt);
  };
  add("rate at the strict pace, over prefill-first", "2.6-3.7", &Figures::over_prefill_first);
  add("rate at the strict pace, over orca", "4.0", &Figures::over_orca);
  AddFigure(bench, "sarathi", "rate at the relaxed pace, over prefill-first", "1.65",
            replayed_relaxed.over_prefill_first, {});
  add("at 0.7 of that rate: P99 between tokens, times lower", "-", &Figures::gap_ratio);
  add("at 0.7 of that rate: the same, of what is allowed", "at most 1", &Figures::gap_of_slo);
  add("at 0.7 of that rate: median first token, times later", "1.0-1.15", &Figures::ttft_ratio);
  AddFigure(bench, "sarathi", "a prompt in chunks of 4 R tokens, times slower", "at most 1.25", {}, small_chunks);
  AddFigure(bench, "sarathi", "a prompt in chunks of 16 R tokens (512 at most)", "about 1", {}, large_chunks);
  return {};
}

}  // namespace tenfold::bench
