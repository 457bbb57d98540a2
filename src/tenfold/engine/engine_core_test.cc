#include "tenfold/engine/engine_core.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tenfold/engine/tiny_engine_for_test.h"

namespace tenfold::engine {
namespace {

Transcript RunOne(Request request) {
  return RunAll({std::move(request)}).begin()->second;
}

TEST(EngineCore, StopsAtMaxTokens) {
  const Transcript out = RunOne(Ask(1, "once", 7));
  EXPECT_EQ(out.tokens.size(), 7u);
  EXPECT_EQ(out.finish, FinishReason::kLength);
}

TEST(EngineCore, ARequestReturnsInItsOwnLastIteration) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(SmallOptions());
  for (const int max_tokens : {1, 3, 5}) core->Add(Ask(static_cast<RequestId>(max_tokens), "once", max_tokens));
  for (int step = 1; core->HasWork(); ++step) {
    EventBatch events;
    core->Step(events);
    for (const OutputEvent& event : events) {
      EXPECT_EQ(event.finish != FinishReason::kNone, event.request == static_cast<RequestId>(step)) << event.request;
    }
  }
}

TEST(EngineCore, StopsAtTheContextLimit) {
  Request request = Ask(1, std::string(60, 'a'), 1);
  request.sampling.max_tokens = std::nullopt;
  const size_t prompt_size = request.prompt.size();
  const Transcript out = RunOne(std::move(request));
  EXPECT_EQ(prompt_size + out.tokens.size(), 128u);
  EXPECT_EQ(out.finish, FinishReason::kLength);
}

TEST(EngineCore, StopsAtAStopTokenWithoutItsText) {
  const Transcript whole = RunOne(Ask(1, "once", 20));
  Request request = Ask(1, "once", 20);
  request.sampling.stop_token_ids = {whole.tokens[5]};
  const Transcript out = RunOne(request);
  EXPECT_EQ(out.finish, FinishReason::kStop);
  const auto first = std::find(whole.tokens.begin(), whole.tokens.end(), whole.tokens[5]) - whole.tokens.begin();
  EXPECT_EQ(out.tokens.size(), static_cast<size_t>(first + 1));
  EXPECT_TRUE(whole.text.starts_with(out.text));
  EXPECT_EQ(out.stop_token, whole.tokens[5]);
  EXPECT_EQ(whole.stop_token, std::nullopt);
  request.sampling.include_stop_str_in_output = true;
  EXPECT_EQ(RunOne(request).text, out.text + std::string(TinyModel().model->tokenizer().TokenText(whole.tokens[5])));
}

TEST(EngineCore, ShowsControlTokensWhenAskedToAndStopsAtThem) {
  Request request = Ask(1, "once", 4);
  request.sampling.allowed_token_ids = {1};  // <s>
  EXPECT_EQ(RunOne(request).text, "");
  request.sampling.skip_special_tokens = false;
  EXPECT_EQ(RunOne(request).text, "<s><s><s><s>");
  request.sampling.stop = {"><s"};
  const Transcript out = RunOne(request);
  EXPECT_EQ(out.text, "<s");
  EXPECT_EQ(out.stop_string, "><s");
  request.sampling.skip_special_tokens = true;
  EXPECT_EQ(RunOne(request).finish, FinishReason::kLength) << "stop strings see the text as it is shown";
}

TEST(EngineCore, StopsAtAStopStringAndNeverShowsIt) {
  // "ce" may begin and end inside other tokens; take a stop string from the middle of the real text.
  const Transcript whole = RunOne(Ask(1, "once", 40));
  ASSERT_GT(whole.text.size(), 12u);
  const std::string stop = whole.text.substr(8, 3);
  Request request = Ask(1, "once", 40);
  request.sampling.stop = {stop};
  const Transcript out = RunOne(std::move(request));
  EXPECT_EQ(out.finish, FinishReason::kStop);
  EXPECT_EQ(out.stop_string, stop);
  EXPECT_EQ(out.text, whole.text.substr(0, whole.text.find(stop)));
}

// Half a character at the length limit becomes U+FFFD only in the last flush, and may complete a stop string there.
TEST(EngineCore, StopsAtAStopStringThatTheLastFlushCompletes) {
  constexpr TokenId kLeadByte = 3 + 0xe2;  // "<0xE2>" of the tiny vocabulary
  Request request = Ask(1, "once", 1);
  request.sampling.logit_bias = {{kLeadByte, 100.0}};
  request.sampling.stop = {"\xef\xbf\xbd"};
  const Transcript out = RunOne(std::move(request));
  EXPECT_EQ(out.tokens, std::vector<TokenId>{kLeadByte});
  EXPECT_EQ(out.finish, FinishReason::kStop);
  EXPECT_EQ(out.stop_string, "\xef\xbf\xbd");
  EXPECT_EQ(out.text, "");
}

TEST(EngineCore, EndsAtEndOfSequenceUnlessToldOtherwise) {
  Request request = Ask(1, "once", 50);
  request.sampling.ignore_eos = false;
  request.sampling.logit_bias = {{TinyModel().model->tokenizer().eos(), 100.0}};
  const Transcript out = RunOne(request);
  EXPECT_EQ(out.finish, FinishReason::kStop);
  EXPECT_EQ(out.tokens.size(), 1u);
  EXPECT_EQ(out.text, "");
  request.sampling.stop_token_ids = {TinyModel().model->tokenizer().eos()};
  EXPECT_EQ(RunOne(request).stop_token, std::nullopt) << "the model's own end comes first";
  request.sampling.ignore_eos = true;
  EXPECT_EQ(RunOne(request).stop_token, TinyModel().model->tokenizer().eos());
  request.sampling.stop_token_ids.clear();
  request.sampling.ignore_eos = false;
  request.sampling.skip_special_tokens = false;
  EXPECT_EQ(RunOne(request).text, "") << "what ends a text is not part of it";
  request.sampling.include_stop_str_in_output = true;
  EXPECT_EQ(RunOne(request).text, "</s>");
  request.sampling.min_tokens = 5;
  EXPECT_EQ(RunOne(request).tokens.size(), 6u);
  request.sampling.min_tokens = 0;
  request.sampling.ignore_eos = true;
  EXPECT_EQ(RunOne(request).tokens.size(), 50u);
}

bool Holds(const std::vector<TokenId>& tokens, const std::vector<TokenId>& word) {
  return std::search(tokens.begin(), tokens.end(), word.begin(), word.end()) != tokens.end();
}

// Greedy, drawn, and as beams: no output holds what is forbidden, and nothing but what is allowed.
TEST(EngineCore, OutputsHoldOnlyWhatIsAllowedAndNoBadWord) {
  for (const char* way : {"greedy", "drawn", "beams"}) {
    SCOPED_TRACE(way);
    Request request = Ask(1, "once", 40);
    request.sampling.seed = 3;
    request.sampling.temperature = way == std::string("drawn") ? 1 : 0;
    if (way == std::string("beams")) {
      request.sampling.use_beam_search = true;
      request.sampling.beam_width = 4;
    }
    const std::vector<TokenId> free = RunOne(request).tokens;
    const std::vector<TokenId> word = {free[5], free[6], free[7]};
    request.sampling.bad_words = {word};
    const std::vector<TokenId> without = RunOne(request).tokens;
    EXPECT_EQ(without.size(), 40u);
    EXPECT_FALSE(Holds(without, word));
    EXPECT_TRUE(request.sampling.use_beam_search || Holds(without, {word[0], word[1]})) << "a part is not bad";
    request.sampling.allowed_token_ids = {70, 80, 90};
    for (const TokenId token : RunOne(request).tokens) EXPECT_TRUE(token == 70 || token == 80 || token == 90) << token;
    request.sampling.bad_words = {{70}, {80}, {90}};
    const Transcript nothing = RunOne(request);
    EXPECT_EQ(nothing.finish, FinishReason::kError);
    EXPECT_NE(nothing.error.message.find("every token is forbidden"), std::string::npos);
  }
}

TEST(EngineCore, SamplesOfARequestShareItsPromptAndDiffer) {
  Request request = Ask(1, "once and on and on and on", 12);
  request.sampling.n = 4;
  request.sampling.temperature = 1.5;
  request.sampling.seed = 5;
  const Transcripts out = RunAll({request});
  ASSERT_EQ(out.size(), 4u);
  for (int sample = 0; sample < 4; ++sample) EXPECT_EQ(out.at({1, sample}).tokens.size(), 12u);
  EXPECT_NE(out.at({1, 0}).tokens, out.at({1, 1}).tokens);
  EXPECT_EQ(out.at({1, 0}).logits[0], out.at({1, 3}).logits[0]);
  // Alone or as one of four, sample 0 is the same.
  request.sampling.n = 1;
  EXPECT_EQ(RunOne(request), out.at({1, 0}));
}

TEST(EngineCore, CancelFreesPagesAtOnce) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(SmallOptions());
  Request request = Ask(7, "once and on", 100);
  request.sampling.n = 3;
  core->Add(request);
  core->Add(Ask(8, "the", 5));
  EventBatch events;
  for (int i = 0; i < 4; ++i) core->Step(events);
  events.clear();
  core->Cancel(7, events);
  core->Cancel(99, events);
  ASSERT_EQ(events.size(), 3u);
  for (int sample = 0; sample < 3; ++sample) {
    EXPECT_EQ(events[static_cast<size_t>(sample)].sample, sample);
    EXPECT_EQ(events[static_cast<size_t>(sample)].finish, FinishReason::kCancelled);
  }
  EXPECT_EQ(core->Stats().num_running, 1);
  EXPECT_TRUE(core->CheckIntegrity());
  core->CancelAll(events);
  EXPECT_FALSE(core->HasWork());
  EXPECT_EQ(core->Stats().num_free_pages, core->Stats().num_pages);
}

// Before its prompt is computed a request of n samples is one sequence; every sample still gets its event.
TEST(EngineCore, CancelBeforeTheForkAnswersForEverySample) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(SmallOptions());
  Request request = Ask(7, "once", 10);
  request.sampling.n = 3;
  core->Add(request);
  EventBatch events;
  core->Cancel(7, events);
  EXPECT_EQ(events.size(), 3u);
}

// Requests with the same beginning, one after the other or together; pages of 16 tokens.
struct PrefixRun {
  std::map<RequestId, int64_t> num_cached_tokens;
  EngineStats stats;
};

PrefixRun RunWithPrefixes(const EngineOptions& options, std::vector<Request> requests, bool together) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(options);
  PrefixRun run;
  EventBatch events;
  for (Request& request : requests) {
    core->Add(std::move(request));
    while (!together && core->HasWork()) core->Step(events);
  }
  while (core->HasWork()) {
    core->Step(events);
    EXPECT_TRUE(core->CheckIntegrity());
  }
  for (const OutputEvent& event : events) {
    if (event.finish != FinishReason::kNone) run.num_cached_tokens[event.request] = event.num_cached_tokens;
  }
  run.stats = core->Stats();
  EXPECT_EQ(run.stats.num_free_pages, run.stats.num_pages);
  return run;
}

// `num_shared` tokens that all have, and others.
Request WithPrefix(RequestId id, int num_shared, int num_own, int max_tokens = 3) {
  Request request = Ask(id, "", max_tokens);
  request.prompt.clear();
  for (int i = 0; i < num_shared; ++i) request.prompt.push_back(static_cast<TokenId>(3 + i));
  for (int i = 0; i < num_own; ++i)
    request.prompt.push_back(static_cast<TokenId>(100 + id * 7 + static_cast<uint64_t>(i)));
  return request;
}

class PrefixSharing : public testing::TestWithParam<const char*> {
 protected:
  EngineOptions Options() const {
    EngineOptions options = SmallOptions();
    options.prefix_cache = GetParam();
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, PrefixSharing, testing::Values("radix", "hash"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(PrefixSharing, WholePagesButNeverTheLastToken) {
  const PrefixRun run = RunWithPrefixes(
      Options(), {WithPrefix(1, 48, 2), WithPrefix(2, 48, 2), WithPrefix(3, 48, 0), WithPrefix(4, 40, 30)}, false);
  EXPECT_EQ(run.num_cached_tokens, (std::map<RequestId, int64_t>{{1, 0}, {2, 48}, {3, 32}, {4, 32}}));
  EXPECT_EQ(run.stats.prefix_query_tokens, 50u + 50 + 48 + 70);
  EXPECT_EQ(run.stats.prefix_hit_tokens, 48u + 32 + 32);
}

TEST_P(PrefixSharing, WhatWasGeneratedIsPartOfTheNextPrompt) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(Options());
  Recorder recorder;
  Request first = WithPrefix(1, 20, 0, 30);
  Request second = first;
  core->Add(std::move(first));
  RunToEnd(*core, recorder);
  const std::vector<TokenId>& answer = recorder.transcripts[{1, 0}].tokens;
  second.id = 2;
  second.prompt.insert(second.prompt.end(), answer.begin(), answer.end());
  core->Add(std::move(second));
  EventBatch events;
  while (core->HasWork()) core->Step(events);
  EXPECT_EQ(events.back().num_cached_tokens, 48) << "of 50 tokens, the last of which was sampled but never computed";
}

// Two sequences that outgrow the pool together. With a swap space, whichever is preempted finds its full pages again.
TEST_P(PrefixSharing, WhoIsPreemptedComputesNoFullPageTwice) {
  const auto run = [&](size_t num_swap_pages) {
    EngineOptions options = Options();
    const auto& config = TinyModel().model->config();
    const size_t page_bytes = model::KvLayoutOf(config, options.page_size, options.kv_cache_type).page_bytes();
    options.max_model_len = 10 * options.page_size;
    options.kv_cache_bytes = 10 * page_bytes;
    options.swap_space_bytes = num_swap_pages * page_bytes;
    const std::unique_ptr<EngineCore> core = TinyModel().Core(options);
    for (RequestId id = 1; id <= 2; ++id) core->Add(WithPrefix(id, 0, 70, 80));
    EventBatch events;
    while (core->HasWork()) core->Step(events);
    return core->Stats();
  };
  const EngineStats recomputed = run(0), swapped = run(20);
  EXPECT_GT(recomputed.num_preemptions, 0u);
  EXPECT_EQ(swapped.num_preemptions, recomputed.num_preemptions);
  constexpr uint64_t kOnce = 2 * (70 + 79);
  EXPECT_GT(recomputed.num_computed_tokens, kOnce + 70);
  // The last page, partly filled, and a page of tokens at most are computed again.
  EXPECT_LE(swapped.num_computed_tokens, kOnce + swapped.num_preemptions * 16);
  EXPECT_GT(swapped.num_swapped_in, 0u);
  EXPECT_GT(swapped.num_swapped_pages, 0);
  EXPECT_EQ(swapped.num_swap_pages, 20);
}

// What /metrics needs to know.
TEST(EngineCore, TellsWhenASampleWasFirstScheduled) {
  EngineOptions options = SmallOptions();
  options.max_num_seqs = 1;
  const std::unique_ptr<EngineCore> core = TinyModel().Core(options);
  core->Add(Ask(1, std::string(60, 'a'), 2));  // two steps for its prompt
  core->Add(Ask(2, "once", 1));
  using Time = std::chrono::steady_clock::time_point;
  std::map<RequestId, std::vector<Time>> scheduled_at;
  Time now{std::chrono::seconds(100)};
  while (core->HasWork()) {
    EventBatch events;
    core->Step(events, now);
    now += std::chrono::seconds(1);
    for (const OutputEvent& event : events) scheduled_at[event.request].push_back(event.scheduled_at);
  }
  const auto at = [](int seconds) { return Time{std::chrono::seconds(seconds)}; };
  EXPECT_EQ(scheduled_at[1], (std::vector<Time>{at(100), Time{}}));
  EXPECT_EQ(scheduled_at[2], (std::vector<Time>{at(103)}));
  EXPECT_EQ(core->Stats().num_steps_by_tokens[3], 2u) << "of 32 tokens, and of the rest";
}

TEST_P(PrefixSharing, SaltsKeepApart) {
  std::vector<Request> requests = {WithPrefix(1, 48, 2), WithPrefix(2, 48, 2), WithPrefix(3, 48, 2),
                                   WithPrefix(4, 48, 2)};
  requests[1].cache_salt = requests[2].cache_salt = "alice";
  requests[3].cache_salt = "bob";
  EXPECT_EQ(RunWithPrefixes(Options(), requests, false).num_cached_tokens,
            (std::map<RequestId, int64_t>{{1, 0}, {2, 0}, {3, 48}, {4, 0}}));
}

// The budget is 32 tokens, so the common beginning takes two steps; the others wait for it, and nobody computes it
// twice.
TEST_P(PrefixSharing, APrefixThatIsBeingComputedIsAwaited) {
  const PrefixRun run = RunWithPrefixes(
      Options(), {WithPrefix(1, 48, 10), WithPrefix(2, 48, 5), WithPrefix(3, 0, 20), WithPrefix(4, 48, 5)}, true);
  EXPECT_EQ(run.num_cached_tokens, (std::map<RequestId, int64_t>{{1, 0}, {2, 48}, {3, 0}, {4, 48}}));
  // Prompts, and all sampled tokens but the last of each.
  EXPECT_EQ(run.stats.num_computed_tokens, 58u + 5 + 20 + 5 + 4 * 2);
}

// Cancelled half-way, it leaves what it computed, and who awaited it computes the rest.
TEST_P(PrefixSharing, WhoAwaitedACancelledRequestGoesOn) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(Options());
  core->Add(WithPrefix(1, 96, 10));
  core->Add(WithPrefix(2, 96, 5));
  EventBatch events;
  core->Step(events);
  core->Cancel(1, events);
  events.clear();
  while (core->HasWork()) core->Step(events);
  EXPECT_EQ(events.back().num_cached_tokens, 32);
  EXPECT_EQ(events.back().finish, FinishReason::kLength);
}

TEST(PrefixSharingOff, ComputesEverything) {
  EngineOptions options = SmallOptions();
  options.prefix_cache = "none";
  const PrefixRun run = RunWithPrefixes(options, {WithPrefix(1, 48, 2), WithPrefix(2, 48, 2)}, true);
  EXPECT_EQ(run.num_cached_tokens, (std::map<RequestId, int64_t>{{1, 0}, {2, 0}}));
  EXPECT_EQ(run.stats.num_computed_tokens, 100u + 2 * 2);
}

TEST(EngineCore, ReportsLogProbabilities) {
  Request request = Ask(1, "once", 3);
  request.sampling.num_logprobs = 2;
  const std::unique_ptr<EngineCore> core = TinyModel().Core(SmallOptions());
  core->Add(request);
  EventBatch events;
  while (core->HasWork()) core->Step(events);
  ASSERT_EQ(events.size(), 3u);
  for (const OutputEvent& event : events) {
    ASSERT_EQ(event.logprobs.size(), 1u);
    EXPECT_EQ(event.logprobs[0].rank, 1);
    ASSERT_EQ(event.logprobs[0].top.size(), 2u);
    EXPECT_EQ(event.logprobs[0].top[0].token, event.tokens[0]);
    EXPECT_LT(event.logprobs[0].logprob, 0);
  }
}

struct Refusal {
  const char* name;
  void (*spoil)(Request&);
  const char* words;
};

class RefusedRequest : public testing::TestWithParam<Refusal> {};
INSTANTIATE_TEST_SUITE_P(
    Table, RefusedRequest,
    testing::Values(
        Refusal{"empty", [](Request& r) { r.prompt.clear(); }, "the prompt is empty"},
        Refusal{"too_long", [](Request& r) { r.prompt.assign(128, 5); }, "128 tokens, but the context holds 128"},
        Refusal{"foreign_token", [](Request& r) { r.prompt[0] = 100000; }, "token 100000, outside the vocabulary"},
        Refusal{"negative_token", [](Request& r) { r.prompt[0] = -1; }, "token -1, outside the vocabulary"},
        Refusal{"many_samples", [](Request& r) { r.sampling.n = 9; }, "n or best_of is 9, but at most 8"},
        Refusal{"priority", [](Request& r) { r.priority = 3; }, "priority is 3, but this server goes by arrival"},
        Refusal{"temperature", [](Request& r) { r.sampling.temperature = -1; }, "temperature"}),
    [](const auto& info) { return info.param.name; });

TEST_P(RefusedRequest, IsNamed) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(SmallOptions());
  Request request = Ask(1, "once", 5);
  GetParam().spoil(request);
  const Status status = core->Check(request);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(status.error().message.find(GetParam().words), std::string::npos) << status.error().message;
}

TEST(RefusedRequest, NeedsMoreMemoryThanThePolicyCanReserve) {
  EngineOptions options = SmallOptions();
  options.scheduling_policy = "orca-max";
  options.max_model_len = 64;
  options.page_size = 16;
  const model::ModelConfig& config = TinyModel().model->config();
  options.kv_cache_bytes = 8 * model::KvLayoutOf(config, 16, options.kv_cache_type).page_bytes();
  const std::unique_ptr<EngineCore> core = TinyModel().Core(options);
  Request request = Ask(1, "once", 5);
  request.sampling.n = 2;
  EXPECT_TRUE(core->Check(request));
  request.sampling.n = 3;
  EXPECT_EQ(
      core->Check(request).error().message,
      "the scheduling policy reserves 3 x 64 tokens for this request, in ranges of a power of two pages, but of the "
      "cache's 128 tokens only 2 such ranges can be made; ask for less, or use a policy that reserves nothing");
}

// An urgent request overtakes, also somebody who runs; who was preempted comes back where it left off, with the same
// text.
TEST(EngineCore, UrgentRequestsGoFirst) {
  EngineOptions options = SmallOptions();
  options.scheduling_policy = "priority";
  options.max_num_seqs = 1;
  const std::unique_ptr<EngineCore> core = TinyModel().Core(options);
  std::vector<RequestId> ends;
  Recorder recorder;
  const auto step = [&] {
    EventBatch events;
    core->Step(events);
    for (const OutputEvent& event : events) {
      if (event.finish != FinishReason::kNone) ends.push_back(event.request);
    }
    recorder.Record(events);
  };
  for (RequestId id = 1; id <= 3; ++id) core->Add(Ask(id, "once", 10));
  for (int i = 0; i < 5; ++i) step();
  Request urgent = Ask(4, "now", 4);
  urgent.priority = -1;
  Request patient = Ask(5, "later", 4);
  patient.priority = 7;
  core->Add(patient);
  core->Add(urgent);
  while (core->HasWork()) step();
  EXPECT_EQ(ends, (std::vector<RequestId>{4, 1, 2, 3, 5}));
  EXPECT_EQ(core->Stats().num_preemptions, 1u);
  EXPECT_EQ(recorder.transcripts.at({1, 0}).tokens, RunOne(Ask(1, "once", 10)).tokens);
}

TEST(RefusedOptions, APolicyByPriorityHasItsOwnOrder) {
  EngineOptions options = SmallOptions();
  options.scheduling_policy = "priority";
  options.queue_order = "lpm";
  const auto core = EngineCore::Create(options, *TinyModel().model, TinyModel().kernels(), TinyModel().threads);
  ASSERT_FALSE(core);
  EXPECT_NE(core.error().message.find("--queue-order lpm"), std::string::npos);
}

TEST(RefusedOptions, NameThePrefixCaches) {
  EngineOptions options = SmallOptions();
  options.prefix_cache = "best";
  const auto core = EngineCore::Create(options, *TinyModel().model, TinyModel().kernels(), TinyModel().threads);
  ASSERT_FALSE(core);
  EXPECT_EQ(core.error().message, "there is no prefix cache \"best\"; there are radix, hash and none");
}

TEST(RefusedOptions, NameThePolicies) {
  EngineOptions options = SmallOptions();
  options.scheduling_policy = "best";
  const auto core = EngineCore::Create(options, *TinyModel().model, TinyModel().kernels(), TinyModel().threads);
  ASSERT_FALSE(core);
  EXPECT_NE(core.error().message.find("there is no scheduling policy \"best\"; there are sarathi"), std::string::npos);
}

struct BadOptions {
  const char* name;
  void (*spoil)(EngineOptions&);
  const char* words;
};

class RefusedOptions : public testing::TestWithParam<BadOptions> {};
INSTANTIATE_TEST_SUITE_P(
    Table, RefusedOptions,
    testing::Values(
        BadOptions{"page_size", [](EngineOptions& o) { o.page_size = 24; }, "--block-size 24"},
        BadOptions{"context", [](EngineOptions& o) { o.max_model_len = 513; }, "at most 512 tokens"},
        BadOptions{"budget", [](EngineOptions& o) { o.max_num_batched_tokens = 4; }, "--max-num-batched-tokens"},
        BadOptions{"oversized", [](EngineOptions& o) { o.kv_cache_bytes = size_t{1} << 50; }, "were asked for"},
        BadOptions{"swap_without_cache",
                   [](EngineOptions& o) {
                     o.swap_space_bytes = 1 << 20;
                     o.prefix_cache = "none";
                   },
                   "--swap-space needs a prefix cache"},
        BadOptions{"tiny_swap", [](EngineOptions& o) { o.swap_space_bytes = 5; }, "5 bytes do not hold a page"},
        BadOptions{"large_swap", [](EngineOptions& o) { o.swap_space_bytes = size_t{1} << 50; }, "--swap-dir"},
        BadOptions{"swap_dir_alone", [](EngineOptions& o) { o.swap_directory = "/tmp"; }, "give --swap-space, too"},
        BadOptions{"memory", [](EngineOptions& o) { o.kv_cache_bytes = 5000; }, "raise --kv-cache-memory"}),
    [](const auto& info) { return info.param.name; });

TEST_P(RefusedOptions, AreNamed) {
  EngineOptions options = SmallOptions();
  GetParam().spoil(options);
  const auto plan = PlanKvCache(options, TinyModel().model->config());
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message.find(GetParam().words), std::string::npos) << plan.error().message;
}

}  // namespace
}  // namespace tenfold::engine
