#include "tenfold/bench/load_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::bench {
namespace {

using testing::HasSubstr;

double Number(const json::object& summary, std::string_view name) {
  return summary.at(name).to_number<double>();
}

// Two requests that can be followed by hand, and one that failed.
LoadRun SmallRun() {
  LoadRun run;
  run.outcomes = {
      {.start_s = 0,
       .first_text_s = 0.5,
       .end_s = 2.5,
       .gaps_s = {0.5, 1.5},
       .num_prompt_tokens = 10,
       .num_cached_tokens = 4,
       .num_output_tokens = 3,
       .error = {}},
      {.start_s = 1,
       .first_text_s = 2,
       .end_s = 2,
       .gaps_s = {},
       .num_prompt_tokens = 20,
       .num_cached_tokens = 0,
       .num_output_tokens = 1,
       .error = {}},
      {.start_s = 1, .end_s = 9, .gaps_s = {7}, .num_prompt_tokens = 5, .num_output_tokens = 2, .error = "reset"},
  };
  run.duration_s = 10;
  run.max_running = 3;
  return run;
}

TEST(LoadReport, CountsAndRates) {
  const json::object summary = SummarizeLoad(SmallRun(), {99}, {});
  EXPECT_EQ(Number(summary, "completed"), 2);
  EXPECT_EQ(Number(summary, "failed"), 1);
  EXPECT_EQ(Number(summary, "total_input_tokens"), 30);
  EXPECT_EQ(Number(summary, "total_cached_tokens"), 4);
  EXPECT_EQ(Number(summary, "total_output_tokens"), 4);
  EXPECT_EQ(Number(summary, "request_throughput"), 0.2);
  EXPECT_EQ(Number(summary, "output_throughput"), 0.4);
  EXPECT_EQ(Number(summary, "total_token_throughput"), 3.4);
  EXPECT_FALSE(summary.contains("request_goodput"));
}

TEST(LoadReport, DetailsAreOfEachRequest) {
  json::object summary;
  AddDetails(SmallRun(), summary);
  EXPECT_EQ(summary.at("input_lens"), json::parse("[10, 20, 5]"));
  EXPECT_EQ(summary.at("output_lens"), json::parse("[3, 1, 2]"));
  EXPECT_EQ(summary.at("ttfts"), json::parse("[5E-1, 1E0, 0E0]"));
  EXPECT_EQ(summary.at("itls"), json::parse("[[5E-1, 15E-1], [], [7E0]]"));
  EXPECT_EQ(summary.at("start_times"), json::parse("[0E0, 1E0, 1E0]"));
  EXPECT_EQ(summary.at("errors"), json::parse(R"(["", "", "reset"])"));
}

TEST(LoadReport, LatenciesAreOfCompletedRequests) {
  const json::object summary = SummarizeLoad(SmallRun(), {50, 99.9}, {});
  EXPECT_EQ(Number(summary, "mean_ttft_ms"), 750);
  EXPECT_EQ(Number(summary, "std_ttft_ms"), 250);
  EXPECT_EQ(Number(summary, "mean_tpot_ms"), 1000) << "one request has tokens after the first";
  EXPECT_EQ(Number(summary, "median_itl_ms"), 1000);
  EXPECT_EQ(Number(summary, "max_itl_ms"), 1500);
  EXPECT_EQ(Number(summary, "mean_e2el_ms"), 1750);
  EXPECT_EQ(Number(summary, "p50_e2el_ms"), 1750);
  EXPECT_NEAR(Number(summary, "p99.9_e2el_ms"), 2498.5, 1e-9);
  EXPECT_NEAR(Number(summary, "mean_normalized_latency_ms"), (2500.0 / 3 + 1000) / 2, 1e-9);
}

TEST(LoadReport, GoodRequestsReachEveryGoal) {
  Goodput goodput;
  ASSERT_TRUE(AddGoodput("ttft:600", goodput));
  EXPECT_EQ(Number(SummarizeLoad(SmallRun(), {}, goodput), "request_goodput"), 0.1);
  ASSERT_TRUE(AddGoodput("tpot:999", goodput));
  EXPECT_EQ(Number(SummarizeLoad(SmallRun(), {}, goodput), "request_goodput"), 0);
  for (const char* bad : {"ttft", "ttft:", "ttft:x", "ttft:0", "itl:5", "tpot:5s"}) {
    EXPECT_FALSE(AddGoodput(bad, goodput)) << bad;
  }
}

TEST(LoadReport, TheTableShowsErrors) {
  const LoadRun run = SmallRun();
  const std::string table = LoadTable(run, SummarizeLoad(run, {99}, {}), {99});
  EXPECT_THAT(table, HasSubstr("failed: reset"));
  EXPECT_THAT(table, HasSubstr("Completed requests                     2"));
}

TEST(LoadReport, NothingCompletedIsNoDivisionByZero) {
  const json::object summary = SummarizeLoad({}, {99}, {});
  EXPECT_EQ(Number(summary, "p99_ttft_ms"), 0);
  EXPECT_EQ(Number(summary, "request_throughput"), 0);
}

}  // namespace
}  // namespace tenfold::bench
