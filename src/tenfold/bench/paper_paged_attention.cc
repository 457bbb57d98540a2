// PagedAttention's comparison: pages against ranges reserved in advance, in the same memory.
#include "tenfold/bench/paper_way.h"

namespace tenfold::bench {

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
  if (way.is_real()) return;
  figures.Add("percent of taken pages in use", "96.3", full.page_use * 100, AtLeast(way.is_paper_scale ? 95 : 0));
}

}  // namespace tenfold::bench
