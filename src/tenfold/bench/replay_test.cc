// Replays of the papers' comparisons. A mark is what a paper reports, with room for what a fit to its trace and a
// formula for its machine leave open; see docs/papers/.
#include "tenfold/bench/replay.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tenfold/bench/statistics.h"
#include "tenfold/scheduler/policies.h"

namespace tenfold::bench {
namespace {

// ---- The clock and the books, on requests that can be followed by hand

constexpr StepCost kSecondPerToken = {.overhead_s = 0, .weights_s = 1, .token_s = 1, .cached_token_s = 0};

ReplayOptions Small(std::string_view policy) {
  return {.policy = policy,
          .cost = kSecondPerToken,
          .num_cache_tokens = 32,
          .page_size = 4,
          .max_model_len = 16,
          .max_num_seqs = 4,
          .max_num_batched_tokens = 8};
}

TEST(Replay, TimesFollowTheFormula) {
  // A prompt of 10 goes in chunks of 8 and 2, so its first token comes after 10 s, two more after a second each. The
  // second request shares the second chunk's step: 2 tokens and 4.
  const WorkloadRequest requests[] = {{0, 10, 3}, {5, 4, 1}};
  const ReplayResult result = Replay(Small("sarathi"), requests).value();
  EXPECT_EQ(result.requests[0].first_token_s, 14);
  EXPECT_EQ(result.requests[0].end_s, 16);
  EXPECT_EQ(result.requests[1].first_scheduled_s, 8);
  EXPECT_EQ(result.requests[1].end_s, 14);
  EXPECT_EQ(result.num_steps, 4);
  EXPECT_EQ(result.token_gaps_s, (std::vector<double>{1, 1}));
}

TEST(Replay, AnIdleServerWaitsForArrivals) {
  const WorkloadRequest requests[] = {{3, 2, 1}, {100, 2, 1}};
  const ReplayResult result = Replay(Small("sarathi"), requests).value();
  EXPECT_EQ(result.requests[0].end_s, 5);
  EXPECT_EQ(result.requests[1].first_scheduled_s, 100);
  EXPECT_EQ(result.end_s, 102);
}

TEST(Replay, ABatchOfRequestsIsAnsweredTogether) {
  const WorkloadRequest requests[] = {{0, 2, 1}, {0, 2, 3}, {1, 2, 1}};
  const ReplayResult result = Replay(Small("static"), requests).value();
  // Step 1: both prompts, 4 s; two decodes of the second; then only the third is admitted.
  EXPECT_EQ(result.requests[0].first_token_s, 4);
  EXPECT_EQ(result.requests[0].end_s, 6);
  EXPECT_EQ(result.requests[1].end_s, 6);
  EXPECT_EQ(result.requests[2].first_scheduled_s, 6);
}

TEST(Replay, RefusesWhatCannotRun) {
  const WorkloadRequest long_request[] = {{0, 14, 3}}, short_request[] = {{0, 3, 2}};
  EXPECT_EQ(Replay(Small("sarathi"), long_request).error().message,
            "a request of 17 tokens is longer than the greatest length, 16");
  ReplayOptions options = Small("sarathi");
  options.num_cache_tokens = 15;
  EXPECT_EQ(Replay(options, long_request).error().message,
            "the cache has room for 15 tokens, but a sequence may grow to 16");
  options = Small("sarathi");
  options.num_swap_tokens = 100;
  EXPECT_EQ(Replay(options, short_request).error().message, "a swap space needs a prefix cache, radix or hash");
  EXPECT_EQ(Replay(Small("fifo"), std::span(long_request).first(0)).error().message,
            "there is no scheduling policy \"fifo\"; there are sarathi, priority, chunked-only, hybrid-only, "
            "prefill-first, orca-max, orca-pow2, orca-oracle, static");
}

// ---- Every policy, with little memory

class EveryPolicy : public testing::TestWithParam<scheduler::PolicyInfo> {};
INSTANTIATE_TEST_SUITE_P(Policies, EveryPolicy,
                         testing::ValuesIn(scheduler::Policies().begin(), scheduler::Policies().end()),
                         [](const auto& info) {
                           std::string name(info.param.name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(EveryPolicy, EndsEveryRequestAndAlwaysTheSameWay) {
  const auto requests = MakeWorkload({.name = "alpaca", .num_requests = 200, .requests_per_s = 50}).value();
  // Two of the longest sequences fit: paged policies preempt all the time.
  const ReplayOptions options = {
      .policy = GetParam().name, .num_cache_tokens = 4096, .page_size = 8, .max_num_seqs = 32};
  const ReplayResult result = Replay(options, requests).value();
  size_t num_gaps = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const RequestOutcome& outcome = result.requests[i];
    EXPECT_LE(outcome.arrival_s, outcome.first_scheduled_s);
    EXPECT_LT(outcome.first_scheduled_s, outcome.first_token_s);
    EXPECT_LE(outcome.first_token_s, outcome.end_s);
    num_gaps += static_cast<size_t>(outcome.num_output_tokens) - 1;
  }
  EXPECT_EQ(result.token_gaps_s.size(), num_gaps);
  const ReplayResult again = Replay(options, requests).value();
  EXPECT_EQ(again.token_gaps_s, result.token_gaps_s);
  EXPECT_EQ(again.end_s, result.end_s);
}

TEST_P(EveryPolicy, RunsASequenceThatFillsTheWholeCache) {
  const WorkloadRequest requests[] = {{0, 8, 8}, {0, 15, 1}, {0, 1, 15}};
  ReplayOptions options = Small(GetParam().name);
  options.num_cache_tokens = 16;
  const ReplayResult result = Replay(options, requests).value();
  for (const RequestOutcome& outcome : result.requests) EXPECT_GT(outcome.end_s, 0);
}

// ---- PagedAttention (Kwon et al., SOSP 2023): OPT-13B on one A100 of 40 GB, room for 15.7K tokens

ReplayOptions Opt13b(std::string_view policy) {
  return {.policy = policy, .cost = kOpt13bOnA100, .num_cache_tokens = 15700};
}

ReplayResult ShareGpt(std::string_view policy, double requests_per_s, int64_t num_requests = 1500) {
  const auto requests =
      MakeWorkload({.name = "sharegpt", .num_requests = num_requests, .requests_per_s = requests_per_s}).value();
  return Replay(Opt13b(policy), requests).value();
}

TEST(PagedAttentionPaper, ReservationsWasteMostOfTheMemory) {
  EXPECT_NEAR(ShareGpt("orca-max", 2).cache_use, 0.204, 0.03);
  EXPECT_NEAR(ShareGpt("orca-pow2", 2).cache_use, 0.268, 0.04);
  EXPECT_NEAR(ShareGpt("orca-oracle", 2).cache_use, 0.382, 0.04);
  EXPECT_GE(ShareGpt("prefill-first", 4).cache_use, 0.95);
  EXPECT_GE(ShareGpt("sarathi", 4).page_use, 0.95);
}

TEST(PagedAttentionPaper, MoreSequencesRunAtOnce) {
  const double paged = ShareGpt("prefill-first", 4).mean_running;
  EXPECT_GE(paged / ShareGpt("orca-max", 4).mean_running, 3.5);
  EXPECT_GE(paged / ShareGpt("orca-oracle", 4).mean_running, 1.8);
}

TEST(PagedAttentionPaper, TheSameLatencyAtAHigherRate) {
  const auto capacity = [](std::string_view policy) {
    return FindCapacity(0.02, 16, [&](double requests_per_s) {
      return ShareGpt(policy, requests_per_s, 800).mean_normalized_latency_s() <= 0.1;
    });
  };
  const double paged = capacity("prefill-first");
  EXPECT_GE(paged / capacity("static"), 10);
  EXPECT_GE(paged / capacity("orca-max"), 2.7);
  EXPECT_GE(paged / capacity("orca-oracle"), 1.7);
}

// P1-P: seven tenths of the memory gone, at about the rate that the rest can bear. (At 1.2 requests/s, where the queue
// grows without end, the 99th percentile is 5.) Preemption recomputes, or swaps: then no full page is computed twice.
TEST(PagedAttentionPaper, PreemptionsStayFewWhenMemoryIsShort) {
  const auto requests = MakeWorkload({.name = "sharegpt", .num_requests = 1500, .requests_per_s = 0.7}).value();
  for (const std::string_view policy : {"sarathi", "prefill-first"}) {
    ReplayOptions options = Opt13b(policy);
    EXPECT_LT(Replay(options, requests).value().num_preemptions, 15) << policy;
    options.num_cache_tokens = options.num_cache_tokens * 3 / 10;
    const ReplayResult result = Replay(options, requests).value();
    std::vector<double> num_preemptions;
    for (const RequestOutcome& outcome : result.requests) {
      EXPECT_GT(outcome.end_s, outcome.arrival_s);
      num_preemptions.push_back(static_cast<double>(outcome.num_preemptions));
    }
    EXPECT_GT(result.num_preemptions, 20) << policy;
    EXPECT_LE(Quantile(num_preemptions, 0.99), 4) << policy;

    int64_t num_tokens = 0;
    for (const WorkloadRequest& request : requests)
      num_tokens += request.num_prompt_tokens + request.num_output_tokens - 1;
    EXPECT_GT(result.num_computed_tokens, num_tokens + result.num_preemptions * 200);
    options.prefix_cache = "radix";
    options.num_swap_tokens = 2 * options.num_cache_tokens;
    const ReplayResult swapped = Replay(options, requests).value();
    EXPECT_GT(swapped.num_preemptions, 20) << policy;
    EXPECT_GE(swapped.num_computed_tokens, num_tokens);
    EXPECT_LE(swapped.num_computed_tokens, num_tokens + swapped.num_preemptions * options.page_size);
    EXPECT_GT(swapped.num_swapped_pages, swapped.num_preemptions);
  }
}

// ---- Orca (Yu et al., OSDI 2022): memory enough, a median latency of twice the unloaded one

TEST(OrcaPaper, IterationsServeTenTimesTheRateOfRequests) {
  const StepCost cost = {.overhead_s = 0, .weights_s = 30e-3, .token_s = 0.2e-3, .cached_token_s = 0};
  ASSERT_NEAR(cost.batch_for_free(), 150, 1e-9);
  const auto latency = [&](std::string_view policy, int64_t max_num_seqs, double requests_per_s, int64_t num_requests) {
    const auto requests =
        MakeWorkload({.name = "orca", .num_requests = num_requests, .requests_per_s = requests_per_s}).value();
    return Replay({.policy = policy,
                   .cost = cost,
                   .num_cache_tokens = 1 << 20,
                   .max_model_len = 641,
                   .max_num_seqs = max_num_seqs},
                  requests)
        .value()
        .median_normalized_latency_s();
  };
  const double limit_s = 2 * latency("orca-oracle", 1, 1e-3, 100);
  const auto capacity = [&](std::string_view policy) {
    double best = 0;
    for (const int64_t max_num_seqs : {4, 8, 16, 64, 128}) {
      best = std::max(best, FindCapacity(0.05, 100, [&](double requests_per_s) {
                        return latency(policy, max_num_seqs, requests_per_s, 2000) <= limit_s;
                      }));
    }
    return best;
  };
  EXPECT_GE(capacity("orca-oracle") / capacity("static"), 10);
}

// ---- Sarathi-Serve (Agrawal et al., OSDI 2024): Mistral-7B on one A100 of 80 GB

double ChatCapacity(std::string_view policy, int64_t max_num_seqs, double slo_s, int64_t budget) {
  return FindCapacity(0.05, 10, [&](double requests_per_s) {
    const auto requests =
        MakeWorkload({.name = "sarathi-chat", .num_requests = 500, .requests_per_s = requests_per_s}).value();
    const ReplayResult result = Replay({.policy = policy,
                                        .cost = kMistral7bOnA100,
                                        .num_cache_tokens = 460'000,
                                        .max_model_len = 8193,
                                        .max_num_seqs = max_num_seqs,
                                        .max_num_batched_tokens = budget},
                                       requests)
                                    .value();
    return result.TokenGap(0.99) <= slo_s && result.median_scheduling_delay_s() <= 2;
  });
}

TEST(SarathiPaper, KeepsAStrictPaceAtMoreThanTwiceTheRate) {
  const double sarathi = ChatCapacity("sarathi", 128, 0.1, 512);
  EXPECT_GE(sarathi / ChatCapacity("prefill-first", 128, 0.1, 512), 2.0);
  EXPECT_GE(sarathi / ChatCapacity("orca-max", 16, 0.1, 512), 2.0);
}

TEST(SarathiPaper, KeepsARelaxedPaceAtAHigherRate) {
  const double sarathi = ChatCapacity("sarathi", 128, 0.5, 2048);
  EXPECT_GE(sarathi / ChatCapacity("prefill-first", 128, 0.5, 2048), 1.3);
}

// Table 4, Yi-34B on two A100: each half alone loses on one side.
TEST(SarathiPaper, NeedsBothHalves) {
  const auto requests = MakeWorkload({.name = "sarathi-chat", .num_requests = 128, .requests_per_s = 1}).value();
  const auto serve = [&](std::string_view policy) {
    return Replay({.policy = policy,
                   .cost = kYi34bOnTwoA100,
                   .num_cache_tokens = 300'000,
                   .max_model_len = 8193,
                   .max_num_seqs = 128,
                   .max_num_batched_tokens = 512},
                  requests)
        .value();
  };
  const ReplayResult both = serve("sarathi"), chunked = serve("chunked-only"), hybrid = serve("hybrid-only");
  EXPECT_LE(both.TokenGap(0.99), chunked.TokenGap(0.99));
  EXPECT_LT(chunked.TokenGap(0.99), hybrid.TokenGap(0.99) / 3);
  EXPECT_LE(hybrid.TimeToFirstToken(0.5), both.TimeToFirstToken(0.5));
  EXPECT_LT(both.TimeToFirstToken(0.5), chunked.TimeToFirstToken(0.5));
}

// ---- Workloads

TEST(Workload, HasTheMeansOfThePapers) {
  const struct {
    std::string_view name;
    double prompt, output;
  } expected[] = {{"orca", 272, 64.5}, {"sharegpt", 156, 329}, {"alpaca", 19.3, 59.2}, {"sarathi-chat", 2340, 439}};
  for (const auto& c : expected) {
    double prompt = 0, output = 0;
    const auto requests = MakeWorkload({.name = c.name, .num_requests = 20'000}).value();
    for (const WorkloadRequest& request : requests) {
      prompt += static_cast<double>(request.num_prompt_tokens) / 20'000;
      output += static_cast<double>(request.num_output_tokens) / 20'000;
    }
    EXPECT_NEAR(prompt / c.prompt, 1, 0.05) << c.name;
    EXPECT_NEAR(output / c.output, 1, 0.05) << c.name;
    EXPECT_NEAR(requests.back().arrival_s / 20'000, 1, 0.03) << c.name;
  }
}

TEST(Workload, KeepsToTheLongestTotal) {
  for (const std::string_view name : WorkloadNames()) {
    for (const double divisor : {1.0, 7.0}) {
      const WorkloadOptions options = {.name = name, .num_requests = 3000, .length_divisor = divisor};
      const int64_t longest = MaxTotalTokens(options).value();
      const auto requests = MakeWorkload(options).value();
      for (const WorkloadRequest& request : requests) {
        ASSERT_GE(request.num_prompt_tokens, 1);
        ASSERT_GE(request.num_output_tokens, 1);
        ASSERT_LE(request.num_prompt_tokens + request.num_output_tokens, longest) << name;
      }
    }
  }
  EXPECT_EQ(MakeWorkload({.name = "mmlu"}).error().message,
            "there is no workload \"mmlu\"; there are orca, sharegpt, alpaca, sarathi-chat, sarathi-arxiv");
}

}  // namespace
}  // namespace tenfold::bench
