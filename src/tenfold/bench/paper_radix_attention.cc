// Zheng et al. ("SGLang"), NeurIPS 2024: beginnings of prompts that are computed once. Throughput with and without, the
// share of tokens found under three orders of the queue, and what the cache costs when nothing is shared.
#include <algorithm>
#include <ctime>
#include <functional>
#include <set>
#include <vector>

#include "tenfold/base/random.h"
#include "tenfold/bench/paper_bench.h"

namespace tenfold::bench {
namespace {

using Run =
    std::function<Result<ReplayResult>(const ReplayOptions& options, std::span<const WorkloadRequest> requests)>;

// All at once: `num_shared` of `num_prompt_tokens` are the same for all.
std::vector<WorkloadRequest> OneBeginning(int count, int64_t num_prompt_tokens, int64_t num_shared,
                                          int64_t num_output_tokens) {
  std::vector<WorkloadRequest> requests;
  for (int i = 0; i < count; ++i) {
    WorkloadRequest& request = requests.emplace_back(
        WorkloadRequest{.num_prompt_tokens = num_prompt_tokens, .num_output_tokens = num_output_tokens, .prompt = {}});
    for (int64_t t = 0; t < num_prompt_tokens; ++t) {
      const uint64_t stream = t < num_shared ? 0 : 1 + static_cast<uint64_t>(i);
      request.prompt.push_back(static_cast<TokenId>(Philox(3, stream, static_cast<uint64_t>(t))[0] >> 2));
    }
  }
  return requests;
}

// All at once, in random order: 20 beginnings of a half, each going on in 4 ways for a quarter, then tokens of their
// own.
std::vector<WorkloadRequest> Tree(int count, int64_t num_prompt_tokens) {
  std::vector<WorkloadRequest> requests;
  for (int i = 0; i < count; ++i) {
    const auto draw = Philox(1, 2, static_cast<uint64_t>(i));
    WorkloadRequest& request = requests.emplace_back(
        WorkloadRequest{.num_prompt_tokens = num_prompt_tokens, .num_output_tokens = 16, .prompt = {}});
    const auto size = static_cast<size_t>(num_prompt_tokens);
    request.prompt.resize(size / 2, static_cast<TokenId>(draw[0] % 20));
    request.prompt.resize(size / 2 + size / 4, static_cast<TokenId>(draw[1] % 4));
    request.prompt.resize(size, 1000 + i);
  }
  return requests;
}

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

struct Figures {
  double gain_one_token = 0;  // throughput, four fifths shared, outputs of one token
  double gain_short = 0;      // the same, of 16 tokens
  double hash_over_radix = 0;
  double fcfs = 0, lpm = 0, dfs_weight = 0;  // hit rates, of the best one
};

Result<Figures> Measure(const Run& run, const ReplayOptions& base, int count, int64_t num_prompt_tokens) {
  const auto throughput = [&](std::string_view cache, int64_t num_output_tokens) -> Result<double> {
    ReplayOptions options = base;
    options.prefix_cache = cache;
    const auto requests = OneBeginning(count, num_prompt_tokens, num_prompt_tokens * 4 / 5, num_output_tokens);
    ASSIGN_OR_RETURN(const ReplayResult result, run(options, requests));
    return result.throughput();
  };
  const auto gain = [&](std::string_view cache, std::string_view over, int64_t num_output_tokens) -> Result<double> {
    std::vector<double> ratios;
    for (int i = 0; i < 3; ++i) {
      ASSIGN_OR_RETURN(const double a, throughput(cache, num_output_tokens));
      ASSIGN_OR_RETURN(const double b, throughput(over, num_output_tokens));
      ratios.push_back(a / b);
    }
    std::sort(ratios.begin(), ratios.end());
    return ratios[1];
  };
  const auto tree = Tree(4 * count, num_prompt_tokens);
  const double best = BestHitRate(tree, base.page_size);
  const auto hit_rate = [&](std::string_view order) -> Result<double> {
    ReplayOptions options = base;
    options.prefix_cache = "radix";
    options.queue_order = order;
    options.max_overtaken = 4 * count;
    ASSIGN_OR_RETURN(const ReplayResult result, run(options, tree));
    return result.prefix_hit_rate() / best;
  };
  Figures figures;
  ASSIGN_OR_RETURN(figures.gain_one_token, gain("radix", "none", 1));
  ASSIGN_OR_RETURN(figures.gain_short, gain("radix", "none", 16));
  ASSIGN_OR_RETURN(figures.hash_over_radix, gain("hash", "radix", 1));
  ASSIGN_OR_RETURN(figures.fcfs, hit_rate("fcfs"));
  ASSIGN_OR_RETURN(figures.lpm, hit_rate("lpm"));
  ASSIGN_OR_RETURN(figures.dfs_weight, hit_rate("dfs-weight"));
  return figures;
}

double ProcessSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Processor time with the cache over that without, when no two prompts begin alike: medians of runs by turns.
Result<double> OverheadWithNothingShared(const Run& run, ReplayOptions options, int count, int64_t num_prompt_tokens) {
  const auto requests = OneBeginning(count, num_prompt_tokens, 0, 32);
  std::vector<double> with, without;
  for (int i = 0; i < 7; ++i) {
    for (const std::string_view cache : {"radix", "none"}) {
      options.prefix_cache = cache;
      const double begin_s = ProcessSeconds();
      RETURN_IF_ERROR(run(options, requests));
      (cache == "none" ? without : with).push_back(ProcessSeconds() - begin_s);
    }
  }
  std::sort(with.begin(), with.end());
  std::sort(without.begin(), without.end());
  return with[3] / without[3];
}

}  // namespace

Status BenchRadixAttention(const PaperBench& bench) {
  bench.report->AddText("RadixAttention: OPT-13B's step on an A100, prompts of 1000 tokens, 8K tokens of cache\n");
  ASSIGN_OR_RETURN(const Figures replayed,
                   Measure(Replay, {.cost = kOpt13bOnA100, .num_cache_tokens = 8'000}, 100, 1000));
  std::optional<Figures> here;
  std::optional<double> overhead;
  if (bench.machine != nullptr) {
    const Run run = [&bench](const ReplayOptions& options, std::span<const WorkloadRequest> requests) {
      return ReplayOnEngine(options, requests, *bench.machine);
    };
    const int count = bench.quick ? 12 : 40;
    const ReplayOptions options{.num_cache_tokens = 8 * 352,
                                .page_size = 16,
                                .max_model_len = 352,
                                .max_num_seqs = 8,
                                .max_num_batched_tokens = 256};
    bench.report->AddText(
        fmt::format("Here: prompts of 320 tokens, {} tokens of cache, pages of 16, {} and {} requests\n",
                    options.num_cache_tokens, count, 4 * count));
    ASSIGN_OR_RETURN(here, Measure(run, options, count, 320));
    ASSIGN_OR_RETURN(overhead, OverheadWithNothingShared(run, options, count / 2, 320));
  }
  AddFigureHead(bench);
  const auto add = [&](std::string_view figure, std::string_view of_paper, double Figures::*value) {
    AddFigure(bench, "radix-attention", figure, of_paper, replayed.*value,
              here ? std::optional<double>((*here).*value) : std::nullopt);
  };
  add("throughput, 4/5 of the prompt shared, 1 token out", "up to 5", &Figures::gain_one_token);
  add("throughput, 4/5 of the prompt shared, 16 tokens out", "-", &Figures::gain_short);
  add("throughput, hash table over radix tree", "-", &Figures::hash_over_radix);
  add("tokens found, of what any order can find: fcfs", "-", &Figures::fcfs);
  add("tokens found, of what any order can find: lpm", "0.96", &Figures::lpm);
  add("tokens found, of what any order can find: dfs-weight", "1", &Figures::dfs_weight);
  AddFigure(bench, "radix-attention", "processor time when nothing is shared, over no cache", "below 1.003", {},
            overhead);
  bench.report->AddText("With 4/5 shared a fifth is left to compute: 5 is the limit, whatever the system.\n");
  return {};
}

}  // namespace tenfold::bench
