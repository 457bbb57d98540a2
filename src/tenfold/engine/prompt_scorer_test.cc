// Log-probabilities of prompts, through the engine.
#include "tenfold/engine/prompt_scorer.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "tenfold/engine/tiny_engine_for_test.h"

namespace tenfold::engine {
namespace {

Request AskScored(RequestId id, std::string_view text, int max_tokens, std::optional<int> num_prompt_logprobs) {
  Request request = Ask(id, text, max_tokens);
  request.sampling.num_prompt_logprobs = num_prompt_logprobs;
  return request;
}

double LogSoftmax(const std::vector<float>& logits, TokenId token) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  return static_cast<double>(logits[static_cast<size_t>(token)]) - std::log(sum);
}

// The logits that each beginning of the prompt alone is continued from say the same.
TEST(PromptScorer, SaysWhatEveryBeginningOfThePromptWould) {
  Request request = AskScored(1, "once and on and on and on the", 3, 2);
  const Transcript out = RunAll({request}).at({1, 0});
  ASSERT_EQ(out.prompt_logprobs.size(), request.prompt.size() - 1);
  EXPECT_EQ(out.tokens.size(), 3u);
  for (size_t i = 1; i < request.prompt.size(); ++i) {
    Request beginning = AskScored(1, "", 1, std::nullopt);
    beginning.prompt.assign(request.prompt.begin(), request.prompt.begin() + static_cast<ptrdiff_t>(i));
    const std::vector<float> logits = RunAll({beginning}).at({1, 0}).logits.at(0);
    const TokenLogprobs& said = out.prompt_logprobs[i - 1];
    const TokenId token = request.prompt[i];
    EXPECT_NEAR(said.logprob, LogSoftmax(logits, token), 1e-9);
    const auto num_likelier = std::count_if(logits.begin(), logits.end(),
                                            [&](float logit) { return logit > logits[static_cast<size_t>(token)]; });
    EXPECT_EQ(said.rank, num_likelier + 1);
    ASSERT_EQ(said.top.size(), 2u);
    const auto greatest = std::max_element(logits.begin(), logits.end());
    EXPECT_EQ(said.top[0].token, greatest - logits.begin());
    EXPECT_NEAR(said.top[1].logprob, LogSoftmax(logits, said.top[1].token), 1e-9);
  }
}

// Longer than a pass has rows and a step has tokens; neither the output nor the scores depend on the other.
TEST(PromptScorer, LongPromptsComeInPassesAndChunks) {
  EngineOptions options = SmallOptions();
  options.max_num_seqs = 1;
  options.max_num_batched_tokens = 100;
  const std::string text(90, 'q');
  const Transcript plain = RunAll({AskScored(1, text, 8, std::nullopt)}, options).at({1, 0});
  const Transcript whole = RunAll({AskScored(1, text, 8, 1)}, options).at({1, 0});
  EXPECT_GT(whole.prompt_logprobs.size(), 64u);
  EXPECT_EQ(whole.logits, plain.logits);
  EXPECT_TRUE(plain.prompt_logprobs.empty());
  options.max_num_batched_tokens = 7;
  EXPECT_EQ(RunAll({AskScored(1, text, 8, 1)}, options).at({1, 0}), whole);
  EXPECT_EQ(
      RunAll({AskScored(0, "the", 20, std::nullopt), AskScored(1, text, 8, 1), AskScored(2, text, 8, 0)}).at({1, 0}),
      whole);
}

TEST(PromptScorer, SampleZeroHasThemAndItsFirstEvent) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(SmallOptions());
  Request request = AskScored(1, "once and on", 4, 0);
  const size_t num_wanted = request.prompt.size() - 1;
  request.sampling.n = 3;
  core->Add(request);
  EventBatch events;
  while (core->HasWork()) core->Step(events);
  ASSERT_EQ(events.size(), 12u);
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].prompt_logprobs.size(), i == 0 ? num_wanted : 0u) << i;
  }
  EXPECT_EQ(events[0].sample, 0);
}

TEST(PromptScorer, BeamsHaveThemOnTheBest) {
  Request request = AskScored(1, "once and on", 4, 1);
  const std::vector<TokenLogprobs> expected = RunAll({request}).at({1, 0}).prompt_logprobs;
  request.sampling.use_beam_search = true;
  request.sampling.beam_width = 4;
  request.sampling.n = 2;
  const Transcripts out = RunAll({request});
  EXPECT_EQ(out.at({1, 0}).prompt_logprobs, expected);
  EXPECT_TRUE(out.at({1, 1}).prompt_logprobs.empty());
}

TEST(PromptScorer, WithoutOutputOnlyThePromptIsComputed) {
  Request request = AskScored(1, "once and on", 0, 3);
  request.sampling.n = 2;
  const Transcripts out = RunAll({request});
  ASSERT_EQ(out.size(), 2u);
  for (const auto& [key, transcript] : out) {
    EXPECT_EQ(transcript.finish, FinishReason::kLength);
    EXPECT_TRUE(transcript.tokens.empty());
    EXPECT_TRUE(transcript.logits.empty());
  }
  request = AskScored(1, "once and on", 1, 3);
  EXPECT_EQ(out.at({1, 0}).prompt_logprobs, RunAll({request}).at({1, 0}).prompt_logprobs);
  // Such a prompt may fill the context; one token has nothing before it.
  request = AskScored(1, "", 0, 0);
  request.prompt.assign(128, 70);
  EXPECT_EQ(RunAll({request}).at({1, 0}).prompt_logprobs.size(), 127u);
  request.prompt.assign(1, 70);
  EXPECT_EQ(RunAll({request}).at({1, 0}).prompt_logprobs.size(), 0u);
  request.prompt.assign(129, 70);
  EXPECT_FALSE(TinyModel().Core(SmallOptions())->Check(request));
  request.prompt.assign(128, 70);
  request.sampling.max_tokens = 1;
  EXPECT_FALSE(TinyModel().Core(SmallOptions())->Check(request));
}

// What is scored is computed, but it is there for others.
TEST(PromptScorer, TakesNothingFromThePrefixCacheAndGivesToIt) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(SmallOptions());
  const std::string text(60, 'q');
  std::vector<int64_t> num_cached;
  std::vector<std::vector<TokenLogprobs>> scores;
  const auto run = [&](std::optional<int> num_prompt_logprobs) {
    core->Add(AskScored(1, text, 1, num_prompt_logprobs));
    EventBatch events;
    while (core->HasWork()) core->Step(events);
    num_cached.push_back(events.at(0).num_cached_tokens);
    scores.push_back(std::move(events.at(0).prompt_logprobs));
  };
  run(1);
  run(std::nullopt);
  run(1);
  EXPECT_EQ(num_cached, (std::vector<int64_t>{0, 48, 0}));
  EXPECT_EQ(scores[2], scores[0]);
  // Nor do they wait for one that computes the same.
  for (RequestId id = 1; id <= 2; ++id) core->Add(AskScored(id, std::string(60, 'z'), 1, 0));
  EventBatch events;
  core->Step(events);
  EXPECT_TRUE(events.empty()) << "the budget is the first one's";
  core->Step(events);
  EXPECT_EQ(events.size(), 1u);
  EXPECT_EQ(core->Stats().num_running, 1) << "the other has begun in the step that the first one ended in";
  while (core->HasWork()) core->Step(events);
  EXPECT_EQ(events.at(0).prompt_logprobs, events.at(1).prompt_logprobs);
}

// Preempted in the middle of its prompt and after it, a request has each of its scores once.
TEST(PromptScorer, KeepsWhatItHasThroughPreemptions) {
  EngineOptions options = SmallOptions();
  options.scheduling_policy = "priority";
  options.max_num_batched_tokens = 16;
  options.kv_cache_bytes = 8 * model::KvLayoutOf(TinyModel().model->config(), 16, options.kv_cache_type).page_bytes();
  const std::string text(90, 'q');
  const Transcript expected = RunAll({AskScored(1, text, 8, 1)}, options).at({1, 0});
  for (const int num_steps : {1, 2, 3, 4, 8, 9}) {
    const std::unique_ptr<EngineCore> core = TinyModel().Core(options);
    Recorder recorder;
    recorder.Attach(*core);
    Request request = AskScored(1, text, 8, 1);
    request.priority = 1;
    core->Add(std::move(request));
    for (int step = 0; step < num_steps; ++step) {
      EventBatch events;
      core->Step(events);
      recorder.Record(events);
    }
    core->Add(AskScored(2, std::string(100, 'u'), 3, std::nullopt));
    RunToEnd(*core, recorder);
    EXPECT_EQ(core->Stats().num_preemptions, 1u);
    EXPECT_EQ(recorder.transcripts.at({1, 0}).prompt_logprobs, expected.prompt_logprobs) << num_steps;
    EXPECT_EQ(recorder.transcripts.at({1, 0}).tokens, expected.tokens) << num_steps;
  }
}

TEST(PromptScorer, CancelledRequestsEndWithoutThem) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(SmallOptions());
  core->Add(AskScored(1, std::string(90, 'q'), 4, 1));
  EventBatch events;
  core->Step(events);
  core->Cancel(1, events);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].finish, FinishReason::kCancelled);
  EXPECT_TRUE(events[0].prompt_logprobs.empty());
  EXPECT_FALSE(core->HasWork());
}

}  // namespace
}  // namespace tenfold::engine
