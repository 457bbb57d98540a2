#include "tenfold/bench/engine_replay.h"

#include <gtest/gtest.h>

#include "tenfold/bench/replay_bench.h"
#include "tenfold/model/tiny_model_for_test.h"
#include "tenfold/platform/cpu_features.h"
#include "tenfold/scheduler/policies.h"

namespace tenfold::bench {
namespace {

class EngineReplay : public testing::Test {
 protected:
  EngineReplay()
      : threads_(2),
        model_(model::Model::Load(model::WriteTinyModel(tensor::DataType::kF32), threads_).value()),
        machine_{*model_, *kernels::SelectKernels("auto", platform::DetectCpuFeatures()).value(), threads_} {}

  platform::ThreadPool threads_;
  std::unique_ptr<model::Model> model_;
  EngineMachine machine_;
};

class EngineReplayPolicy : public EngineReplay, public testing::WithParamInterface<scheduler::PolicyInfo> {};
INSTANTIATE_TEST_SUITE_P(Policies, EngineReplayPolicy,
                         testing::ValuesIn(scheduler::Policies().begin(), scheduler::Policies().end()),
                         [](const auto& info) {
                           std::string name(info.param.name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// The same decisions as in a replay: what is decided depends on the times only through the arrivals, and all arrive at
// once.
TEST_P(EngineReplayPolicy, DecidesAsTheReplayDoes) {
  auto requests = MakeWorkload({.name = "orca", .num_requests = 40, .length_divisor = 8}).value();
  for (WorkloadRequest& request : requests) request.arrival_s = 0;
  ReplayOptions options{.policy = GetParam().name,
                        .cost = CpuCost(16),
                        .num_cache_tokens = 2048,
                        .page_size = 16,
                        .max_model_len = 96,
                        .max_num_seqs = 8,
                        .max_num_batched_tokens = 96};
  const ReplayResult real = ReplayOnEngine(options, requests, machine_).value();
  const ReplayResult replayed = Replay(options, requests).value();
  // A whole batch of prompts goes in several steps where memory for activations is short.
  if (GetParam().budget != scheduler::StepBudget::kWholeBatch) {
    EXPECT_EQ(real.num_steps, replayed.num_steps);
  }
  EXPECT_EQ(real.num_preemptions, replayed.num_preemptions);
  EXPECT_EQ(real.token_gaps_s.size(), replayed.token_gaps_s.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    const RequestOutcome& outcome = real.requests[i];
    EXPECT_GE(outcome.first_scheduled_s, 0);
    EXPECT_LT(outcome.first_scheduled_s, outcome.first_token_s);
    EXPECT_LE(outcome.first_token_s, outcome.end_s);
    EXPECT_LE(outcome.end_s, real.end_s);
  }
  EXPECT_GT(real.cache_use + real.end_s, 0);
}

TEST_F(EngineReplay, JumpsOverIdleTimes) {
  const WorkloadRequest requests[] = {
      {.arrival_s = 5, .num_prompt_tokens = 8, .num_output_tokens = 2, .prompt = {}},
      {.arrival_s = 5000, .num_prompt_tokens = 8, .num_output_tokens = 2, .prompt = {}}};
  const ReplayOptions options{
      .num_cache_tokens = 256, .page_size = 16, .max_model_len = 64, .max_num_seqs = 4, .max_num_batched_tokens = 64};
  const ReplayResult result = ReplayOnEngine(options, requests, machine_).value();
  EXPECT_LT(result.requests[0].end_s, 10);
  EXPECT_GE(result.requests[1].first_scheduled_s, 5000 - 1e-6);
}

TEST_F(EngineReplay, SharesBeginningsAsTheReplayDoes) {
  std::vector<WorkloadRequest> requests;
  for (TokenId i = 0; i < 12; ++i) {
    WorkloadRequest& request =
        requests.emplace_back(WorkloadRequest{.num_prompt_tokens = 60, .num_output_tokens = 3, .prompt = {}});
    request.prompt.resize(40, 7 + i % 3);
    request.prompt.resize(60, 20 + i);
  }
  for (const char* order : {"fcfs", "lpm", "dfs-weight"}) {
    ReplayOptions options{.num_cache_tokens = 160,
                          .page_size = 16,
                          .max_model_len = 64,
                          .max_num_seqs = 2,
                          .max_num_batched_tokens = 64,
                          .prefix_cache = "radix",
                          .queue_order = order};
    const ReplayResult real = ReplayOnEngine(options, requests, machine_).value();
    const ReplayResult replayed = Replay(options, requests).value();
    EXPECT_EQ(real.num_prefix_hit_tokens, replayed.num_prefix_hit_tokens) << order;
    EXPECT_GT(real.num_prefix_hit_tokens, 0);
    EXPECT_EQ(real.num_steps, replayed.num_steps);
  }
}

TEST(MachineCost, IsNamed) {
  EXPECT_EQ(MachineCost("cpu:16").value().batch_for_free(), 16);
  EXPECT_EQ(MachineCost("mistral-7b-a100").value().weights_s, 9.5e-3);
  for (const char* bad : {"cpu:", "cpu:x", "cpu:0", "gpu"}) EXPECT_FALSE(MachineCost(bad)) << bad;
}

}  // namespace
}  // namespace tenfold::bench
