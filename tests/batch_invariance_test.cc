// Law 2: the logits of a request are bit-for-bit the same alone or among 64 others, whatever the chunking, the page
// size, the prefix cache, preemption and the number of threads; and so are its text, its prompt's log-probabilities and
// embeddings.
#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tenfold/base/random.h"
#include "tenfold/base/test_data.h"
#include "tenfold/engine/engine_for_test.h"
#include "tenfold/model/tiny_model_for_test.h"

namespace tenfold::engine {
namespace {

struct Circumstances {
  const char* name;
  int64_t budget;
  int64_t page_size;
  int num_threads;
  size_t kv_cache_pages;  // 0: plenty; otherwise so few that sequences are preempted
  tensor::DataType kv_type = tensor::DataType::kF16;
  const char* isa = "auto";
  const char* policy = "sarathi";
  const char* prefix_cache = "radix";
  const char* queue_order = "fcfs";
  size_t swap_pages = 0;
};

// 64 requests of mixed lengths, greedy and drawn, some with several samples and penalties. Three of four begin with the
// same up to 140 tokens, a few in a space of their own. And eight prompts of these to make embeddings of.
std::vector<Request> Requests() {
  std::vector<Request> requests;
  for (uint64_t i = 0; i < 64; ++i) {
    const auto draw = Philox(2, 0, i);
    Request request{.id = i, .prompt = {}, .sampling = {}};
    const uint32_t prompt_size = i % 8 < 3 ? 150 + draw[0] % 50 : 1 + draw[0] % 60;
    for (uint32_t k = 0; k < prompt_size; ++k)
      request.prompt.push_back(static_cast<TokenId>(3 + Philox(3, i, k)[0] % 250));
    const uint32_t num_shared = i % 4 == 0 ? 0 : std::min(prompt_size, 20 + draw[2] % 120);
    for (uint32_t k = 0; k < num_shared; ++k) request.prompt[k] = static_cast<TokenId>(3 + k * k % 250);
    if (i % 16 == 1) request.cache_salt = "its own";
    request.sampling.max_tokens = static_cast<int>(1 + draw[1] % 24);
    request.sampling.ignore_eos = true;
    request.sampling.temperature = i % 3 == 0 ? 0 : 0.9;
    request.sampling.top_p = i % 3 == 1 ? 0.9 : 1.0;
    request.sampling.frequency_penalty = i % 5 == 0 ? 0.5 : 0.0;
    request.sampling.n = i % 11 == 0 ? 3 : 1;
    request.sampling.seed = 100 + i;
    if (i % 7 == 2) request.sampling.num_prompt_logprobs = static_cast<int>(i % 3);
    requests.push_back(std::move(request));
  }
  for (uint64_t i = 0; i < 8; ++i) {
    const std::vector<TokenId> prompt = requests[5 * i].prompt;
    requests.push_back(
        {.id = 64 + i, .prompt = prompt, .sampling = {}, .pooling = i % 2 == 0 ? Pooling::kMean : Pooling::kLast});
  }
  return requests;
}

EngineOptions Options(LoadedModel& model, const Circumstances& in) {
  EngineOptions options = {.max_model_len = 256,
                           .max_num_seqs = std::min<int64_t>(in.budget, 64),
                           .scheduling_policy = in.policy,
                           .max_num_batched_tokens = in.budget,
                           .page_size = in.page_size,
                           .kv_cache_type = in.kv_type,
                           .prefix_cache = in.prefix_cache,
                           .queue_order = in.queue_order};
  const size_t page_bytes = model::KvLayoutOf(model.model->config(), in.page_size, in.kv_type).page_bytes();
  options.kv_cache_bytes = page_bytes * (in.kv_cache_pages > 0 ? in.kv_cache_pages : 8192);
  options.swap_space_bytes = page_bytes * in.swap_pages;
  return options;
}

Transcripts RunTogether(LoadedModel& model, const Circumstances& in) {
  const std::unique_ptr<EngineCore> core = model.Core(Options(model, in));
  Recorder recorder;
  recorder.Attach(*core);
  // Half at once, the others one per step, so that prompts meet decodes.
  std::vector<Request> requests = Requests();
  for (size_t i = 0; i < requests.size(); ++i) {
    core->Add(std::move(requests[i]));
    if (i < 32) continue;
    EventBatch events;
    core->Step(events);
    recorder.Record(events);
  }
  RunToEnd(*core, recorder);
  EXPECT_TRUE(core->CheckIntegrity());
  EXPECT_EQ(core->Stats().num_free_pages, core->Stats().num_pages);
  EXPECT_EQ(core->Stats().num_preemptions > 0, in.kv_cache_pages > 0) << core->Stats().num_preemptions;
  EXPECT_EQ(core->Stats().prefix_hit_tokens > 0, in.prefix_cache != std::string("none"));
  EXPECT_EQ(core->Stats().num_swapped_in > 0, in.swap_pages > 0);
  return std::move(recorder.transcripts);
}

Transcripts RunAlone(LoadedModel& model, const Circumstances& in) {
  Recorder recorder;
  const std::unique_ptr<EngineCore> core = model.Core(Options(model, in));
  recorder.Attach(*core);
  for (Request& request : Requests()) {
    core->Add(std::move(request));
    RunToEnd(*core, recorder);
  }
  return std::move(recorder.transcripts);
}

void ExpectSame(const Transcripts& expected, const Transcripts& got) {
  ASSERT_EQ(expected.size(), got.size());
  for (const auto& [key, transcript] : expected) {
    const auto found = got.find(key);
    ASSERT_NE(found, got.end());
    ASSERT_EQ(transcript.tokens, found->second.tokens) << "request " << key.first << " sample " << key.second;
    ASSERT_EQ(transcript.text, found->second.text);
    ASSERT_TRUE(transcript.embedding == found->second.embedding) << "request " << key.first;
    ASSERT_TRUE(transcript.prompt_logprobs == found->second.prompt_logprobs) << "request " << key.first;
    ASSERT_EQ(transcript.logits.size(), found->second.logits.size());
    for (size_t step = 0; step < transcript.logits.size(); ++step) {
      ASSERT_TRUE(transcript.logits[step] == found->second.logits[step])
          << "request " << key.first << " sample " << key.second << " step " << step;
    }
  }
}

// Which model: a real one, or a random one with weights of a type ("tiny_q8_0", "gpt2_q8_0").
std::filesystem::path ModelPath(const std::string& which) {
  if (which == "stories260K") return SharedData("models/stories260K.gguf");
  const tensor::DataType type = tensor::DataTypeFromName(which.substr(5)).value();
  return which.starts_with("gpt2") ? model::WriteTinyGpt2(type) : model::WriteTinyModel(type);
}

Circumstances UnderPolicy(const char* policy, size_t kv_cache_pages) {
  return {.name = policy,
          .budget = 64,
          .page_size = 16,
          .num_threads = 2,
          .kv_cache_pages = kv_cache_pages,
          .policy = policy};
}

class BatchInvariance : public testing::TestWithParam<std::tuple<const char*, Circumstances>> {};
INSTANTIATE_TEST_SUITE_P(
    Table, BatchInvariance,
    testing::Combine(testing::Values("stories260K", "tiny_f32", "tiny_bf16", "tiny_q8_0", "tiny_q4_0"),
                     testing::Values(Circumstances{"budget16", 16, 32, 2, 0}, Circumstances{"budget64", 64, 32, 2, 0},
                                     Circumstances{"budget2048", 2048, 32, 2, 0}, Circumstances{"page16", 64, 16, 2, 0},
                                     Circumstances{"page64", 64, 64, 2, 0}, Circumstances{"one_thread", 64, 32, 1, 0},
                                     Circumstances{"three_threads", 2048, 16, 3, 0},
                                     Circumstances{"preempted16", 64, 16, 2, 17},
                                     Circumstances{"preempted32", 16, 32, 2, 9},
                                     Circumstances{"preempted_large_budget", 2048, 64, 2, 5},
                                     Circumstances{"preempted_one_thread", 64, 32, 1, 9},
                                     Circumstances{"portable", 64, 16, 2, 17, tensor::DataType::kF16, "portable"},
                                     Circumstances{"f32_cache", 64, 16, 2, 17, tensor::DataType::kF32},
                                     Circumstances{"bf16_cache", 64, 16, 2, 17, tensor::DataType::kBF16},
                                     Circumstances{"q8_cache", 64, 16, 2, 17, tensor::DataType::kQ8_0})),
    [](const auto& info) { return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param).name; });
// Their models are wider, so that a row is a whole block; what differs between them and the others is the arithmetic.
INSTANTIATE_TEST_SUITE_P(KQuants, BatchInvariance,
                         testing::Combine(testing::Values("tiny_q4_K", "tiny_q5_K", "tiny_q6_K"),
                                          testing::Values(Circumstances{"budget2048", 2048, 32, 2, 0},
                                                          Circumstances{"preempted16", 64, 16, 2, 17})),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param).name;
                         });
// Another architecture is another graph of the same kernels, and a few more.
INSTANTIATE_TEST_SUITE_P(
    Gpt2, BatchInvariance,
    testing::Combine(testing::Values("gpt2_f32", "gpt2_q8_0"),
                     testing::Values(Circumstances{"budget2048", 2048, 32, 2, 0},
                                     Circumstances{"preempted16", 64, 16, 3, 17},
                                     Circumstances{"portable", 64, 16, 2, 17, tensor::DataType::kF16, "portable"})),
    [](const auto& info) { return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param).name; });
// Whole prompts beside decodes, without them, or only when nobody runs. The reservations' memory is plenty.
INSTANTIATE_TEST_SUITE_P(Policies, BatchInvariance,
                         testing::Combine(testing::Values("tiny_q8_0"),
                                          testing::Values(UnderPolicy("prefill-first", 17),
                                                          UnderPolicy("chunked-only", 17),
                                                          UnderPolicy("hybrid-only", 17), UnderPolicy("orca-max", 0),
                                                          UnderPolicy("orca-pow2", 0), UnderPolicy("orca-oracle", 0),
                                                          UnderPolicy("static", 0))),
                         [](const auto& info) {
                           std::string name = std::get<1>(info.param).name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// With a pool so small that cached pages are taken again all the time, to be swapped out or forgotten, and with one
// that keeps everything.
Circumstances WithCache(const char* prefix_cache, int64_t page_size, size_t kv_cache_pages,
                        const char* queue_order = "fcfs", size_t swap_pages = 0) {
  return {.name = prefix_cache,
          .budget = 64,
          .page_size = page_size,
          .num_threads = 2,
          .kv_cache_pages = kv_cache_pages,
          .prefix_cache = prefix_cache,
          .queue_order = queue_order,
          .swap_pages = swap_pages};
}
INSTANTIATE_TEST_SUITE_P(
    PrefixCaches, BatchInvariance,
    testing::Combine(testing::Values("tiny_f32", "tiny_q4_0"),
                     testing::Values(WithCache("radix", 16, 0), WithCache("radix", 16, 18), WithCache("hash", 16, 0),
                                     WithCache("hash", 16, 18), WithCache("hash", 32, 9, "lpm"),
                                     WithCache("radix", 32, 9, "dfs-weight"), WithCache("none", 16, 18),
                                     WithCache("radix", 16, 18, "fcfs", 1000), WithCache("hash", 16, 18, "lpm", 30))),
    [](const auto& info) {
      const Circumstances& in = std::get<1>(info.param);
      return fmt::format("{}_{}_{}_{}_{}", std::get<0>(info.param), in.name, in.page_size, in.kv_cache_pages,
                         in.swap_pages);
    });

TEST_P(BatchInvariance, TogetherIsAsAlone) {
  const auto& [which, circumstances] = GetParam();
  if (std::string(which) == "stories260K") REQUIRE_SHARED("models/stories260K.gguf");
  LoadedModel one_thread(ModelPath(which), 1, circumstances.isa);
  const Circumstances alone_in = {.name = "alone",
                                  .budget = 256,
                                  .page_size = 32,
                                  .num_threads = 1,
                                  .kv_cache_pages = 0,
                                  .kv_type = circumstances.kv_type,
                                  .prefix_cache = "none"};
  const Transcripts alone = RunAlone(one_thread, alone_in);
  LoadedModel model(ModelPath(which), circumstances.num_threads, circumstances.isa);
  ExpectSame(alone, RunTogether(model, circumstances));
}

}  // namespace
}  // namespace tenfold::engine
