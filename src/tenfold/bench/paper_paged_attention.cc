// PagedAttention's comparison: pages against ranges reserved in advance, in the same memory.
#include "tenfold/bench/paper_way.h"

namespace tenfold::bench {

namespace {

// Most of the memory gone: who is preempted is computed again, finds what others left of it in the prefix cache, or
// finds all of it in the swap space.
void ComparePreemption(const Way& way, ReplayOptions options, const std::vector<WorkloadRequest>& requests,
                       PaperFigures& figures) {
  options.num_cache_tokens = way.is_paper_scale ? options.num_cache_tokens * 3 / 10 : options.max_model_len * 5 / 4;
  double num_tokens = 0;
  for (const WorkloadRequest& request : requests)
    num_tokens += static_cast<double>(request.num_prompt_tokens + request.num_output_tokens - 1);
  const auto serve = [&](std::string_view prefix_cache, int64_t num_swap_tokens) {
    options.prefix_cache = prefix_cache;
    options.num_swap_tokens = num_swap_tokens;
    return way.Serve(options, requests);
  };
  const ReplayResult recomputed = serve("none", 0), cached = serve("radix", 0),
                     swapped = serve("radix", 2 * options.num_cache_tokens);
  const auto times = [&](const ReplayResult& result) {
    return static_cast<double>(result.num_computed_tokens) / num_tokens;
  };
  figures.Add("preemptions for 100 requests, little memory", "7.4",
              100 * static_cast<double>(recomputed.num_preemptions) / static_cast<double>(requests.size()));
  figures.Add("P1-P: tokens computed / each once, recompute", "", times(recomputed));
  figures.Add("P1-P: tokens computed / each once, prefix cache", "", times(cached));
  figures.Add("P1-P: tokens computed / each once, swap space", "", times(swapped), AtMost(1.01));
  figures.Add("mean normalized latency, recompute / swap space", "1.0-1.2",
              recomputed.mean_normalized_latency_s() / swapped.mean_normalized_latency_s());
}

}  // namespace

void ComparePagedAttention(const Way& way, PaperFigures& figures) {
  // Room for two sequences of the greatest length, on small machines; the paper's for OPT-13B has room for 7.7.
  constexpr double kDivisor = 8;
  WorkloadOptions workload = {.name = "sharegpt", .length_divisor = way.is_paper_scale ? 1 : kDivisor};
  const int64_t max_model_len = MaxTotalTokens(workload).value();
  const auto options = [&](std::string_view policy) {
    return ReplayOptions{.policy = policy,
                         .num_cache_tokens = way.is_paper_scale ? 15'700 : 2 * max_model_len,
                         .max_model_len = max_model_len,
                         .max_num_seqs = way.is_paper_scale ? 256 : 64,
                         .max_num_batched_tokens = 512};
  };
  const auto at = [&](double requests_per_s) {
    workload.num_requests = way.num_requests;
    workload.requests_per_s = requests_per_s;
    workload.seed = way.seed;
    return MakeWorkload(workload).value();
  };
  constexpr double kUnloaded = 1e-3;
  WorkloadOptions few = workload;
  few.num_requests = 20;
  few.requests_per_s = kUnloaded;
  const double limit_s =
      way.is_paper_scale
          ? 0.1
          : 5 * way.Serve(options("prefill-first"), MakeWorkload(few).value()).mean_normalized_latency_s();
  const auto capacity = [&](std::string_view policy) {
    return way.Capacity(options(policy), workload,
                        [&](const ReplayResult& result) { return result.mean_normalized_latency_s() <= limit_s; });
  };
  const double paged = capacity("prefill-first");
  const double reserved = capacity("orca-max");
  const double oracle = capacity("orca-oracle");
  figures.Add("normalized latency allowed, s/token", "", limit_s);
  figures.Add("requests/s with pages", "", paged);
  const bool is_fast = way.batch_for_free() >= 16;
  figures.Add(
      way.is_paper_scale ? "P1-A3: capacity, pages / reserved maxima" : "P1-B: capacity, pages / reserved maxima",
      "2.7-8", paged / reserved,
      AtLeast(way.is_paper_scale ? 2.7
              : is_fast          ? 2.0
                                 : 1.5));
  figures.Add(way.is_paper_scale ? "P1-A3: capacity, pages / true lengths" : "P1-B: capacity, pages / true lengths",
              "1.7-2.7", paged / oracle, AtLeast(way.is_paper_scale ? 1.7 : 0.9));
  if (!way.is_real()) {
    figures.Add("capacity, pages / whole requests", "up to 22", paged / capacity("static"),
                way.is_paper_scale ? AtLeast(10) : Mark{});
  }
  // So many requests that all memory is taken.
  const auto saturated = [&](std::string_view policy) { return way.Serve(options(policy), at(2 * paged)); };
  const ReplayResult full = saturated("prefill-first");
  figures.Add("sequences at once, pages", "30.4", full.mean_running);
  figures.Add("P1-A2: sequences at once, pages / reserved maxima", "4.3",
              full.mean_running / saturated("orca-max").mean_running, AtLeast(way.is_paper_scale ? 3.5 : 0));
  figures.Add("P1-A2: sequences at once, pages / true lengths", "2.2",
              full.mean_running / saturated("orca-oracle").mean_running, AtLeast(way.is_paper_scale ? 1.8 : 0));
  ComparePreemption(way, options("prefill-first"), at(0.32 * paged), figures);
  if (way.is_real()) return;
  figures.Add("percent of taken pages in use", "96.3", full.page_use * 100, AtLeast(way.is_paper_scale ? 95 : 0));
}

}  // namespace tenfold::bench
