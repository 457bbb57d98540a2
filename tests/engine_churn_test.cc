// After any run no page is leaked: random submissions, forks and cancellations against a small pool, checked as it
// goes.
#include <gtest/gtest.h>

#include "tenfold/base/random.h"
#include "tenfold/engine/engine_for_test.h"
#include "tenfold/model/tiny_model_for_test.h"

namespace tenfold::engine {
namespace {

struct Churn {
  uint64_t seed;
  const char* prefix_cache;
  const char* queue_order;
  size_t num_swap_pages;
};

class EngineChurn : public testing::TestWithParam<Churn> {};
INSTANTIATE_TEST_SUITE_P(Seeds, EngineChurn,
                         testing::Values(Churn{1, "radix", "fcfs", 0}, Churn{2, "hash", "lpm", 0},
                                         Churn{3, "radix", "dfs-weight", 0}, Churn{4, "none", "fcfs", 0},
                                         Churn{5, "radix", "lpm", 5}, Churn{6, "hash", "fcfs", 100}));

TEST_P(EngineChurn, LeaksNoPage) {
  LoadedModel loaded(model::WriteTinyModel(tensor::DataType::kF32), 2);
  const size_t page_bytes = model::KvLayoutOf(loaded.model->config(), 16, tensor::DataType::kF16).page_bytes();
  const std::unique_ptr<EngineCore> core = loaded.Core({.max_model_len = 160,
                                                        .max_num_seqs = 12,
                                                        .max_num_batched_tokens = 40,
                                                        .page_size = 16,
                                                        .kv_cache_bytes = 14 * page_bytes,
                                                        .prefix_cache = GetParam().prefix_cache,
                                                        .swap_space_bytes = GetParam().num_swap_pages * page_bytes,
                                                        .queue_order = GetParam().queue_order,
                                                        .max_overtaken = 20});
  Recorder recorder;
  std::vector<uint64_t> prompt_sizes;
  int64_t num_samples = 0;
  constexpr uint64_t kRequests = 500;
  for (uint64_t i = 0; i < kRequests; ++i) {
    const auto draw = Philox(GetParam().seed, 0, i);
    Request request{.id = i, .prompt = {}, .sampling = {}};
    for (uint32_t k = 0; k <= draw[0] % 120; ++k)
      request.prompt.push_back(static_cast<TokenId>(3 + Philox(9, i, k)[0] % 250));
    // Most begin with a part of one of three texts.
    for (uint32_t k = 0; i % 4 != 0 && k < std::min<size_t>(request.prompt.size(), draw[1] % 100); ++k)
      request.prompt[k] = static_cast<TokenId>(3 + i % 3 + k);
    if (i % 16 == 1) request.cache_salt = "salt";
    request.sampling.max_tokens = static_cast<int>(1 + draw[1] % 40);
    request.sampling.n = draw[2] % 4 == 0 ? 4 : 1;
    request.sampling.stop = {"the", "zz"};
    prompt_sizes.push_back(request.prompt.size());
    num_samples += request.sampling.n;
    ASSERT_TRUE(core->Check(request));
    core->Add(std::move(request));
    EventBatch events;
    if (draw[3] % 3 == 0) core->Cancel(i - draw[3] % 7, events);
    if (draw[3] % 50 == 1) core->CancelAll(events);
    for (uint32_t step = 0; step < draw[3] % 5; ++step) core->Step(events);
    recorder.Record(events);
    const Status integrity = core->CheckIntegrity();
    ASSERT_TRUE(integrity) << "after request " << i << ": " << integrity.error().message;
  }
  RunToEnd(*core, recorder);
  ASSERT_TRUE(core->CheckIntegrity());
  const EngineStats stats = core->Stats();
  EXPECT_EQ(stats.num_free_pages, stats.num_pages);
  EXPECT_GT(stats.num_preemptions, 0u);
  EXPECT_EQ(stats.prefix_hit_tokens > 0, GetParam().prefix_cache != std::string_view("none"));
  EXPECT_EQ(static_cast<int64_t>(recorder.transcripts.size()), num_samples);
  EXPECT_EQ(static_cast<int64_t>(stats.num_finished_stop + stats.num_finished_length + stats.num_finished_cancelled),
            num_samples);
  EXPECT_EQ(stats.num_swapped_in > 0, GetParam().num_swap_pages > 0);
  uint64_t num_prompt_tokens = 0;
  for (const auto& [key, transcript] : recorder.transcripts) {
    if (key.second == 0 && !transcript.tokens.empty()) num_prompt_tokens += prompt_sizes[key.first];
    EXPECT_NE(transcript.finish, FinishReason::kNone) << "request " << key.first << " sample " << key.second;
    EXPECT_EQ(transcript.text.find("the"), std::string::npos);
  }
  EXPECT_EQ(stats.num_prompt_tokens, num_prompt_tokens);
}

}  // namespace
}  // namespace tenfold::engine
