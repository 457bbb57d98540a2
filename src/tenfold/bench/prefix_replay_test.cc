// Replays of requests that share beginnings: what a prefix cache and the order of the queue are worth (Zheng et al.,
// "SGLang", NeurIPS 2024).
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/bench/replay.h"
#include "tenfold/bench/shared_prompts.h"

namespace tenfold::bench {
namespace {

ReplayOptions With(std::string_view prefix_cache, std::string_view queue_order, int64_t num_cache_tokens) {
  return {.cost = kOpt13bOnA100,
          .num_cache_tokens = num_cache_tokens,
          .prefix_cache = prefix_cache,
          .queue_order = queue_order};
}

constexpr int kNumRequests = 400;
std::vector<WorkloadRequest> AllBeginning(int64_t num_shared, int64_t num_output_tokens) {
  return OneBeginning(kNumRequests, 1000, num_shared, num_output_tokens);
}

std::vector<WorkloadRequest> Tree() {
  return PromptTree(kNumRequests, {512, 768, 1000});
}
// No order can do better than to compute each part of the tree once.
double BestTreeHitRate() {
  std::set<std::vector<TokenId>> parts;
  for (const WorkloadRequest& request : Tree()) {
    for (const ptrdiff_t length : {512, 768, 1000})
      parts.emplace(request.prompt.begin(), request.prompt.begin() + length);
  }
  double num_computed = 0;
  for (const std::vector<TokenId>& part : parts) {
    num_computed += part.size() == 512 ? 512 : part.size() == 768 ? 256 : 232;
  }
  return 1 - num_computed / (kNumRequests * 1000.0);
}

double HitRate(std::string_view queue_order, int64_t num_cache_tokens, std::string_view prefix_cache = "radix") {
  ReplayOptions options = With(prefix_cache, queue_order, num_cache_tokens);
  options.max_overtaken = kNumRequests;
  return Replay(options, Tree()).value().prefix_hit_rate();
}

// With four fifths of the prompts shared there is a fifth to compute: 5 times the throughput is the limit. What is
// missing to it is output, and the time of a step that does not depend on its tokens.
TEST(PrefixReplay, ASharedBeginningIsComputedOnce) {
  const auto gain = [](int64_t num_shared, int64_t num_output_tokens) {
    const auto requests = AllBeginning(num_shared, num_output_tokens);
    return Replay(With("radix", "fcfs", 15'700), requests).value().throughput() /
           Replay(With("none", "fcfs", 15'700), requests).value().throughput();
  };
  const double questions_of_one_token = gain(800, 1);
  EXPECT_GT(questions_of_one_token, 4.7);
  EXPECT_LE(questions_of_one_token, 5.0);
  EXPECT_GT(gain(848, 1), 5.0);
  EXPECT_GT(gain(800, 16), 3.5);
  EXPECT_EQ(gain(0, 16), 1.0);
}

class PrefixReplayOrder : public testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(CacheTokens, PrefixReplayOrder, testing::Values(4'000, 16'000));

TEST_P(PrefixReplayOrder, CacheAwareOrdersReachTheBestHitRate) {
  const double best = BestTreeHitRate();
  EXPECT_GE(HitRate("lpm", GetParam()), 0.96 * best);
  EXPECT_GE(HitRate("dfs-weight", GetParam()), 0.96 * best);
  EXPECT_LE(HitRate("dfs-weight", GetParam()), best + 1e-9);
  EXPECT_LE(HitRate("fcfs", GetParam()), 0.6 * best);
}

TEST_P(PrefixReplayOrder, BothCachesHitAlike) {
  for (const char* order : {"fcfs", "lpm", "dfs-weight"}) {
    EXPECT_EQ(HitRate(order, GetParam(), "radix"), HitRate(order, GetParam(), "hash")) << order;
  }
}

// One request that shares nothing, among ever more that share a beginning: they overtake it as often as allowed, then
// it goes first.
TEST(PrefixReplay, NobodyIsOvertakenForEver) {
  std::vector<WorkloadRequest> requests = AllBeginning(800, 16);
  std::fill(requests[10].prompt.begin(), requests[10].prompt.end(), 5'000);
  ReplayOptions options = With("radix", "lpm", 4'000);
  options.max_num_seqs = 8;
  for (const int64_t max_overtaken : {20, 100, 1000}) {
    options.max_overtaken = max_overtaken;
    const ReplayResult result = Replay(options, requests).value();
    const double start_s = result.requests[10].first_scheduled_s;
    const auto num_overtakers =
        std::count_if(requests.begin() + 11, requests.end(), [&, i = size_t{11}](const WorkloadRequest&) mutable {
          return result.requests[i++].first_scheduled_s < start_s;
        });
    EXPECT_GE(num_overtakers, std::min<int64_t>(max_overtaken, 389));
    // Those admitted in the step of the last overtaker, too.
    EXPECT_LE(num_overtakers, max_overtaken + options.max_num_seqs);
  }
}

}  // namespace
}  // namespace tenfold::bench
