// Zheng et al. ("SGLang"), NeurIPS 2024: beginnings of prompts that are computed once. Throughput with and without, the
// share of tokens found under three orders of the queue, and what the cache costs when nothing is shared.
#include <algorithm>
#include <set>
#include <vector>

#include "tenfold/bench/paper_way.h"
#include "tenfold/bench/shared_prompts.h"

namespace tenfold::bench {
namespace {

// Of all tokens, those that no order has to compute: each part of the tree once, in whole pages.
double BestHitRate(const std::vector<WorkloadRequest>& requests, int64_t page_size) {
  std::set<std::vector<TokenId>> pages;
  double num_tokens = 0, num_computed = 0;
  for (const WorkloadRequest& request : requests) {
    const auto size = static_cast<int64_t>(request.prompt.size());
    num_tokens += static_cast<double>(size);
    for (int64_t end = page_size;; end += page_size) {
      // The last token is always computed, so what its page holds is, too.
      if (end >= size) {
        num_computed += static_cast<double>(size - (end - page_size));
        break;
      }
      if (pages.emplace(request.prompt.begin(), request.prompt.begin() + end).second) {
        num_computed += static_cast<double>(page_size);
      }
    }
  }
  return 1 - num_computed / num_tokens;
}

}  // namespace

void CompareRadixAttention(const Way& way, PaperFigures& figures) {
  const int64_t num_prompt_tokens = way.is_paper_scale ? 1000 : 320;
  const int count = way.is_real() ? static_cast<int>(way.num_requests) : 100;
  const ReplayOptions options{.num_cache_tokens = way.is_paper_scale ? 8000 : 8 * 352,
                              .max_model_len = way.is_paper_scale ? 2048 : 352,
                              .max_num_seqs = way.is_paper_scale ? 256 : 8,
                              .max_num_batched_tokens = way.is_paper_scale ? 512 : 256};
  const auto end_s = [&](std::string_view cache, const std::vector<WorkloadRequest>& requests) {
    ReplayOptions with = options;
    with.prefix_cache = cache;
    return way.Serve(with, requests).end_s;
  };
  // Throughput of the first over the second: median of runs by turns.
  const auto gain = [&](std::string_view cache, std::string_view over, const std::vector<WorkloadRequest>& requests) {
    std::vector<double> ratios;
    for (int i = 0; i < (way.is_real() ? 5 : 1); ++i) {
      const double with_s = end_s(cache, requests);
      ratios.push_back(end_s(over, requests) / with_s);
    }
    std::sort(ratios.begin(), ratios.end());
    return ratios[ratios.size() / 2];
  };
  const auto shared = [&](double share, int64_t num_output_tokens) {
    const auto num_shared = static_cast<int64_t>(share * static_cast<double>(num_prompt_tokens));
    return OneBeginning(count, num_prompt_tokens, num_shared, num_output_tokens);
  };
  // What is left to compute bounds what can be gained: 5 and 10 times.
  figures.Add("throughput, 4/5 shared, 1 token out (limit 5)", "up to 6.4", gain("radix", "none", shared(0.8, 1)),
              AtLeast(way.is_real() ? 4 : 4.5));
  figures.Add("throughput, 4/5 shared, 16 tokens out", "", gain("radix", "none", shared(0.8, 16)));
  figures.Add("throughput, 9/10 shared, 1 token out (limit 10)", "", gain("radix", "none", shared(0.9, 1)), AtLeast(5));
  figures.Add("throughput, hash table over radix tree", "", gain("hash", "radix", shared(0.8, 1)));
  // With nothing shared the cache only costs: processor time, which a replay does not see.
  if (way.is_real()) {
    figures.Add("time with the cache / without, nothing shared", "1.003", 1 / gain("radix", "none", shared(0, 16)),
                AtMost(1.005));
  }
  const auto size = static_cast<size_t>(num_prompt_tokens);
  const auto tree = PromptTree(4 * count, {size / 2, size / 2 + size / 4, size});
  const double best = BestHitRate(tree, options.page_size);
  const auto hit_rate = [&](std::string_view order) {
    ReplayOptions with = options;
    with.prefix_cache = "radix";
    with.queue_order = order;
    with.max_overtaken = 4 * count;
    return way.Serve(with, tree).prefix_hit_rate() / best;
  };
  figures.Add("tokens found, of what any order can find: fcfs", "", hit_rate("fcfs"));
  figures.Add("tokens found, of what any order can find: lpm", "0.96", hit_rate("lpm"), AtLeast(0.96));
  figures.Add("tokens found, of what any order can find: dfs-weight", "1", hit_rate("dfs-weight"), AtLeast(0.96));
}

}  // namespace tenfold::bench
