// Sarathi-Serve's comparison: prompts in chunks beside decodes, against whole prompts before or beside them.
#include <algorithm>
#include <cmath>

#include "tenfold/base/rounding.h"
#include "tenfold/bench/paper_way.h"

namespace tenfold::bench {
namespace {

constexpr double kDivisor = 8;

struct Setting {
  WorkloadOptions workload;
  int64_t max_model_len;
  int64_t budget;      // for the strict pace
  double slo_s;        // five times a decode of many sequences behind long contexts
  double max_delay_s;  // median, before the first step
};

Setting SettingOf(const Way& way) {
  Setting setting = {.workload = {.name = "sarathi-chat", .length_divisor = way.is_paper_scale ? 1 : kDivisor},
                     .max_model_len = 0,
                     .budget = 512,
                     .slo_s = 0.1,
                     .max_delay_s = 2};
  setting.max_model_len = MaxTotalTokens(setting.workload).value();
  if (way.is_paper_scale) return setting;
  // A reference iteration: 8 decodes behind 512 tokens each.
  const double reference_s = way.cost.Seconds(8, 8 * 512);
  setting.slo_s = 5 * reference_s;
  setting.max_delay_s = 60 * reference_s;
  setting.budget = std::max<int64_t>(32, RoundUp(std::llround(4 * way.batch_for_free()), 16));
  return setting;
}

// How much longer a long prompt takes in chunks.
double ChunkOverhead(const Way& way, ReplayOptions options, int64_t budget) {
  const WorkloadRequest prompt = {
      .num_prompt_tokens = way.is_paper_scale ? 4096 : 768, .num_output_tokens = 1, .prompt = {}};
  std::vector<double> ratios;
  for (int i = 0; i < (way.is_real() ? 7 : 1); ++i) {
    options.max_num_batched_tokens = budget;
    const double in_chunks_s = way.Serve(options, {&prompt, 1}).end_s;
    options.max_num_batched_tokens = prompt.num_prompt_tokens;
    ratios.push_back(in_chunks_s / way.Serve(options, {&prompt, 1}).end_s);
  }
  std::sort(ratios.begin(), ratios.end());
  return ratios[ratios.size() / 2];
}

}  // namespace

void CompareSarathi(const Way& way, PaperFigures& figures) {
  const Setting setting = SettingOf(way);
  const auto options = [&](std::string_view policy) {
    return ReplayOptions{.policy = policy,
                         .num_cache_tokens = way.is_paper_scale ? 460'000 : 16 * setting.max_model_len,
                         .max_model_len = setting.max_model_len,
                         .max_num_seqs = policy == "orca-max" ? 16
                                         : way.is_paper_scale ? 128
                                                              : 32,
                         .max_num_batched_tokens = setting.budget};
  };
  const auto capacity = [&](std::string_view policy) {
    return way.Capacity(options(policy), setting.workload, [&](const ReplayResult& result) {
      return result.TokenGap(0.99) <= setting.slo_s && result.median_scheduling_delay_s() <= setting.max_delay_s;
    });
  };
  figures.Add("strict pace, ms between tokens", "100", setting.slo_s * 1e3);
  figures.Add("budget, tokens", "512", static_cast<double>(setting.budget));
  const double chunked = capacity("sarathi");
  figures.Add("requests/s in chunks", "", chunked);
  figures.Add(way.is_paper_scale ? "P3-A: strict capacity, chunks / prompts first"
                                 : "P3-B: strict capacity, chunks / prompts first",
              "2.6-3.7", chunked / capacity("prefill-first"), AtLeast(way.is_paper_scale ? 2.0 : 1.8));
  if (!way.is_real()) {
    figures.Add("P3-A: strict capacity, chunks / Orca with 16 seats", "4.0", chunked / capacity("orca-max"),
                AtLeast(way.is_paper_scale ? 2.0 : 0));
  }

  WorkloadOptions workload = setting.workload;
  workload.num_requests = way.num_requests;
  workload.requests_per_s = 0.7 * chunked;
  workload.seed = way.seed;
  const auto requests = MakeWorkload(workload).value();
  const ReplayResult in_chunks = way.Serve(options("sarathi"), requests);
  const ReplayResult first = way.Serve(options("prefill-first"), requests);
  const ReplayResult hybrid_only = way.Serve(options("hybrid-only"), requests);
  const ReplayResult chunked_only = way.Serve(options("chunked-only"), requests);
  const auto check = [&](Mark mark) { return way.is_paper_scale ? Mark{} : mark; };
  figures.Add("P3-B: P99 TBT at 0.7 of it, prompts first / chunks", "", first.TokenGap(0.99) / in_chunks.TokenGap(0.99),
              check(AtLeast(5)));
  figures.Add("P3-B: P99 TBT in chunks / strict pace", "", in_chunks.TokenGap(0.99) / setting.slo_s, check(AtMost(1)));
  figures.Add("P3-B: P50 TTFT, chunks / prompts first", "",
              in_chunks.TimeToFirstToken(0.5) / first.TimeToFirstToken(0.5), check(AtMost(1.5)));
  // The paper's table 4.
  figures.Add("P3-T: P99 TBT, chunks only / both", "1.2", chunked_only.TokenGap(0.99) / in_chunks.TokenGap(0.99),
              check(AtLeast(1)));
  figures.Add("P3-T: P99 TBT, hybrid only / chunks only", "4.0",
              hybrid_only.TokenGap(0.99) / chunked_only.TokenGap(0.99), check(AtLeast(3)));
  figures.Add("P3-T: P50 TTFT, both / hybrid only", "1.4",
              in_chunks.TimeToFirstToken(0.5) / hybrid_only.TimeToFirstToken(0.5), check(AtLeast(1)));
  figures.Add("P3-T: P50 TTFT, chunks only / both", "1.4",
              chunked_only.TimeToFirstToken(0.5) / in_chunks.TimeToFirstToken(0.5), check(AtLeast(1)));
  if (way.is_paper_scale) return;
  // No decode ever waits for more than one step.
  figures.Add("P3-T: longest TBT in chunks / longest full step", "",
              in_chunks.TokenGap(1) / in_chunks.longest_full_step_s, check(AtMost(1.1)));
  if (!way.is_real()) return;  // the formula charges chunks nothing
  figures.Add("P3-T: a long prompt in chunks of 4R / whole", "1.25",
              ChunkOverhead(way, options("sarathi"), setting.budget), AtMost(1.25));
  figures.Add("P3-T: a long prompt in chunks of 16R / whole", "",
              ChunkOverhead(way, options("sarathi"), 4 * setting.budget), AtMost(1.05));
}

}  // namespace tenfold::bench
