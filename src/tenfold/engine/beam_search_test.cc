#include "tenfold/engine/beam_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tenfold/base/random.h"
#include "tenfold/engine/tiny_engine_for_test.h"

namespace tenfold::engine {
namespace {

TEST(BeamSearch, ScoresAreSumsOverAPowerOfTheLength) {
  EXPECT_EQ(BeamScore(-6, 4, 1), -1.5);
  EXPECT_EQ(BeamScore(-6, 4, 0), -6);
  EXPECT_EQ(BeamScore(-6, 4, 0.5), -3);
  EXPECT_EQ(BeamScore(-6, 4, -1), -24);
}

TEST(BeamSearch, TiesGoToTheEarlierBeamAndTheBetterRank) {
  const std::vector<std::vector<sampling::TokenLogprob>> candidates = {{{7, -1}, {8, -2}}, {{9, -1}, {5, -1}}};
  std::vector<std::pair<size_t, size_t>> order;
  for (const BeamStep& step : RankProposals(candidates, std::vector<double>{-1, -1})) {
    order.emplace_back(step.parent, step.rank);
  }
  EXPECT_EQ(order, (std::vector<std::pair<size_t, size_t>>{{0, 0}, {1, 0}, {1, 1}, {0, 1}}));
}

TEST(BeamSearch, ABeamIsWantedAsLongAsItsBoundIs) {
  BestScores best(2, 1.0);
  EXPECT_TRUE(best.CanBeWanted(-1000, 1, 2));
  best.Add(-1);
  best.Add(-2);
  EXPECT_FALSE(best.IsWanted(-2));
  EXPECT_TRUE(best.IsWanted(-1.9));
  EXPECT_TRUE(best.CanBeWanted(-19, 5, 10)) << "ten tokens for nothing more give -1.9";
  EXPECT_FALSE(best.CanBeWanted(-20, 5, 10));
  BestScores shorter(1, -1.0);
  shorter.Add(-12);
  EXPECT_TRUE(shorter.CanBeWanted(-1.9, 5, 10)) << "a sixth token for nothing gives -11.4";
  EXPECT_FALSE(shorter.CanBeWanted(-2, 5, 10));
}

// ---- In the engine

EngineOptions Options(int64_t num_pages = 1000) {
  EngineOptions options = {.max_model_len = 128, .max_num_seqs = 16, .max_num_batched_tokens = 32, .page_size = 16};
  options.kv_cache_bytes = static_cast<size_t>(num_pages) *
                           model::KvLayoutOf(TinyModel().model->config(), 16, options.kv_cache_type).page_bytes();
  return options;
}

Request AskBeams(RequestId id, int prompt_size, int n, int beam_width, int max_tokens, double length_penalty = 1) {
  Request request{.id = id, .prompt = {}, .sampling = {}};
  for (int i = 0; i < prompt_size; ++i)
    request.prompt.push_back(static_cast<TokenId>(3 + (id * 31 + static_cast<uint64_t>(i) * 7) % 250));
  request.sampling.n = n;
  request.sampling.use_beam_search = true;
  request.sampling.beam_width = beam_width;
  request.sampling.length_penalty = length_penalty;
  request.sampling.max_tokens = max_tokens;
  request.sampling.num_logprobs = 0;
  return request;
}

struct Outcome {
  Transcripts transcripts;
  std::map<std::pair<RequestId, int>, double> cumulative_logprobs;
  EngineStats stats;
};

Outcome RunBeams(std::vector<Request> requests, const EngineOptions& options) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(options);
  Recorder recorder;
  Outcome outcome;
  for (Request& request : requests) {
    EXPECT_TRUE(core->Check(request)) << core->Check(request).error().message;
    core->Add(std::move(request));
  }
  while (core->HasWork()) {
    EventBatch events;
    core->Step(events);
    EXPECT_TRUE(core->CheckIntegrity());
    recorder.Record(events);
    for (const OutputEvent& event : events) {
      for (const TokenLogprobs& entry : event.logprobs) {
        outcome.cumulative_logprobs[{event.request, event.sample}] += entry.logprob;
      }
    }
  }
  outcome.transcripts = std::move(recorder.transcripts);
  outcome.stats = core->Stats();
  EXPECT_EQ(outcome.stats.num_free_pages, outcome.stats.num_pages);
  return outcome;
}

constexpr TokenId kEos = 2;  // of the tiny model

// The end-of-sequence token is made likelier, so that beams end at different lengths.
Request EndingOften(Request request, double bias_of_eos) {
  request.sampling.logit_bias = {{kEos, bias_of_eos}};
  return request;
}

// The log-probabilities of every token after `tokens`, by a request of its own.
std::vector<double> LogprobsAfter(const std::vector<TokenId>& tokens, const std::vector<sampling::LogitBias>& biases) {
  static const std::unique_ptr<EngineCore> core = TinyModel().Core(Options());
  static std::vector<float> logits;
  core->ObserveLogits([](void*, const Sequence&, std::span<const float> row) { logits.assign(row.begin(), row.end()); },
                      nullptr);
  Request request{.id = 1, .prompt = tokens, .sampling = {}};
  request.sampling.max_tokens = 1;
  core->Add(std::move(request));
  EventBatch events;
  while (core->HasWork()) core->Step(events);
  for (const sampling::LogitBias& bias : biases)
    logits[static_cast<size_t>(bias.token)] += static_cast<float>(bias.bias);
  const double greatest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - greatest);
  std::vector<double> logprobs;
  for (const float logit : logits) logprobs.push_back(static_cast<double>(logit) - greatest - std::log(sum));
  return logprobs;
}

struct Hypothesis {
  std::vector<TokenId> tokens;
  double cumulative_logprob = 0;
};

// Beam search written down plainly, to the greatest length, without bounds, pages or batches.
std::vector<Hypothesis> PlainBeamSearch(const Request& request) {
  const sampling::SamplingParams& params = request.sampling;
  const auto score = [&](const Hypothesis& h) {
    return h.cumulative_logprob / std::pow(static_cast<double>(h.tokens.size()), params.length_penalty);
  };
  std::vector<Hypothesis> live = {{}}, finished;
  for (int length = 1; length <= *params.max_tokens; ++length) {
    std::vector<Hypothesis> proposals;
    for (const Hypothesis& beam : live) {
      std::vector<TokenId> tokens = request.prompt;
      tokens.insert(tokens.end(), beam.tokens.begin(), beam.tokens.end());
      const std::vector<double> logprobs = LogprobsAfter(tokens, params.logit_bias);
      std::vector<TokenId> order(logprobs.size());
      for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<TokenId>(i);
      std::stable_sort(order.begin(), order.end(), [&](TokenId a, TokenId b) {
        return logprobs[static_cast<size_t>(a)] > logprobs[static_cast<size_t>(b)];
      });
      for (int rank = 0; rank < 2 * params.beam_width; ++rank) {
        const TokenId token = order[static_cast<size_t>(rank)];
        proposals.push_back({beam.tokens, beam.cumulative_logprob + logprobs[static_cast<size_t>(token)]});
        proposals.back().tokens.push_back(token);
      }
    }
    std::stable_sort(proposals.begin(), proposals.end(), [](const Hypothesis& a, const Hypothesis& b) {
      return a.cumulative_logprob > b.cumulative_logprob;
    });
    live.clear();
    for (const Hypothesis& proposal : proposals) {
      if (live.size() == static_cast<size_t>(params.beam_width)) break;
      const bool ends =
          length == *params.max_tokens ||
          (TinyModel().model->tokenizer().IsEndOfGeneration(proposal.tokens.back()) && !params.ignore_eos);
      (ends ? finished : live).push_back(proposal);
    }
  }
  std::stable_sort(finished.begin(), finished.end(),
                   [&](const Hypothesis& a, const Hypothesis& b) { return score(a) > score(b); });
  finished.resize(std::min(finished.size(), static_cast<size_t>(params.n)));
  return finished;
}

class BeamsInTheEngine : public testing::TestWithParam<Request> {};
INSTANTIATE_TEST_SUITE_P(Shapes, BeamsInTheEngine,
                         testing::Values(AskBeams(1, 5, 1, 1, 6), AskBeams(2, 20, 3, 4, 12),
                                         AskBeams(3, 40, 4, 4, 20, 0), AskBeams(4, 15, 2, 8, 20, 2),
                                         AskBeams(5, 33, 2, 3, 1), AskBeams(6, 16, 3, 3, 17, -1),
                                         EndingOften(AskBeams(7, 20, 4, 4, 15), 3),
                                         EndingOften(AskBeams(8, 20, 2, 5, 25, 2), 4),
                                         EndingOften(AskBeams(9, 31, 3, 3, 12, 0), 2)));

TEST_P(BeamsInTheEngine, FindWhatAPlainSearchFinds) {
  ASSERT_EQ(TinyModel().model->tokenizer().eos(), kEos);
  const Request& request = GetParam();
  const std::vector<Hypothesis> expected = PlainBeamSearch(request);
  const Outcome outcome = RunBeams({request}, Options());
  ASSERT_EQ(outcome.transcripts.size(), static_cast<size_t>(request.sampling.n));
  for (int i = 0; i < request.sampling.n; ++i) {
    EXPECT_EQ(outcome.transcripts.at({request.id, i}).tokens, expected[static_cast<size_t>(i)].tokens) << i;
    EXPECT_NEAR(outcome.cumulative_logprobs.at({request.id, i}), expected[static_cast<size_t>(i)].cumulative_logprob,
                1e-9);
  }
}

TEST(Beams, OneBeamIsGreedy) {
  Request greedy = AskBeams(1, 20, 1, 1, 15);
  const Outcome beam = RunBeams({greedy}, Options());
  greedy.sampling.use_beam_search = false;
  greedy.sampling.temperature = 0;
  EXPECT_EQ(beam.transcripts.at({1, 0}).tokens, RunBeams({greedy}, Options()).transcripts.at({1, 0}).tokens);
  EXPECT_EQ(beam.transcripts.at({1, 0}).text, RunBeams({greedy}, Options()).transcripts.at({1, 0}).text);
}

TEST(Beams, StopWhenNoneCanBeBetter) {
  // With the end almost certain, the first round finishes the best output and nothing can catch up.
  const Outcome outcome = RunBeams({EndingOften(AskBeams(1, 20, 1, 4, 60), 50)}, Options());
  EXPECT_EQ(outcome.transcripts.at({1, 0}).finish, FinishReason::kStop);
  EXPECT_EQ(outcome.transcripts.at({1, 0}).tokens.size(), 1u);
  EXPECT_EQ(outcome.stats.num_steps, 1u);
}

TEST(Beams, FewerOutputsThanAskedForAreEmpty) {
  const Outcome outcome = RunBeams({EndingOften(AskBeams(1, 20, 3, 3, 1), 100)}, Options());
  EXPECT_EQ(outcome.transcripts.size(), 3u);
}

// Beams and others together in a pool so small that gangs are preempted, partly admitted and preempted again.
TEST(Beams, AreTheSameAloneAndCrowded) {
  std::vector<Request> requests;
  for (RequestId id = 1; id <= 12; ++id) {
    const int size = static_cast<int>(id);
    requests.push_back(AskBeams(id, 5 + 9 * size % 50, 1 + size % 3, 3 + size % 2, 10 + size * 7 % 30));
    if (id % 3 != 0) continue;
    requests.back().sampling.use_beam_search = false;
    requests.back().sampling.seed = id;
  }
  Outcome alone;
  for (const Request& request : requests) alone.transcripts.merge(RunBeams({request}, Options()).transcripts);
  uint64_t num_preemptions = 0;
  for (const char* policy : {"sarathi", "prefill-first"}) {
    for (const char* queue_order : {"fcfs", "lpm"}) {
      for (const int64_t num_pages : {24, 25, 27, 31}) {
        for (const int64_t budget : {16, 17, 40}) {
          EngineOptions options = Options(num_pages);
          options.scheduling_policy = policy;
          options.queue_order = queue_order;
          options.max_num_batched_tokens = budget;
          const Outcome crowded = RunBeams(requests, options);
          num_preemptions += crowded.stats.num_preemptions;
          EXPECT_EQ(crowded.transcripts, alone.transcripts) << policy << " " << queue_order << " " << num_pages;
        }
      }
    }
  }
  EXPECT_GT(num_preemptions, 100u);
}

// Gangs that arrive while others run and leave, in pools where hardly one fits: whoever holds pages without going on
// must give way, and what a beam proposed before it did must not count.
TEST(Beams, EveryGangEndsHoweverLittleRoomThereIs) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    const auto draw = Philox(seed, 0, 0);
    EngineOptions options = Options(16 + draw[0] % 8);
    options.max_model_len = 64;
    options.max_num_seqs = 4 + draw[1] % 8;
    options.max_num_batched_tokens = options.max_num_seqs + draw[2] % 40;
    options.queue_order = draw[3] % 2 == 0 ? "fcfs" : "lpm";
    options.prefix_cache = draw[3] % 3 == 0 ? "none" : "radix";
    options.seed = seed;
    if (draw[3] % 3 == 1) options.swap_space_bytes = options.kv_cache_bytes / (1 + draw[3] / 3 % 3);
    const std::unique_ptr<EngineCore> core = TinyModel().Core(options);
    size_t num_outputs = 0, num_ends = 0;
    for (RequestId id = 0; id < 24 || core->HasWork();) {
      EventBatch events;
      if (id < 24) {
        const auto more = Philox(seed, 1, id);
        Request request = AskBeams(id % 3, static_cast<int>(1 + more[0] % 40), 1, static_cast<int>(1 + more[1] % 4),
                                   static_cast<int>(1 + more[2] % 23));
        request.id = id++;
        request.sampling.use_beam_search = more[3] % 4 != 0;
        if (!request.sampling.use_beam_search) request.sampling.n = static_cast<int>(1 + more[3] / 4 % 3);
        ASSERT_TRUE(core->Check(request)) << core->Check(request).error().message;
        num_outputs += static_cast<size_t>(request.sampling.n);
        core->Add(std::move(request));
        if (more[3] / 16 % 4 == 0) core->Cancel(more[3] / 64 % (id + 1), events);
      }
      core->Step(events);
      for (const OutputEvent& event : events) num_ends += event.finish != FinishReason::kNone ? 1 : 0;
      ASSERT_TRUE(core->CheckIntegrity()) << seed;
    }
    EXPECT_EQ(num_ends, num_outputs) << seed;
    EXPECT_EQ(core->Stats().num_free_pages, core->Stats().num_pages) << seed;
  }
}

// A gang is preempted when some of its beams have proposed and others not yet, and is computed again all in one step:
// then what the first proposed before must not count. It takes long prompts that overtake each other; of these seeds
// the first is known to do it.
TEST(Beams, AGangThatIsComputedAgainProposesAgain) {
  for (const uint64_t seed : {3, 1, 2}) {
    EngineOptions options = Options(32);
    options.max_model_len = 160;
    options.max_num_batched_tokens = 48;
    options.queue_order = "lpm";
    options.max_overtaken = 50;
    options.seed = seed;
    const std::unique_ptr<EngineCore> core = TinyModel().Core(options);
    size_t num_outputs = 0, num_ends = 0;
    for (RequestId id = 0; id < 60 || core->HasWork();) {
      EventBatch events;
      if (id < 60 && core->Stats().num_waiting + core->Stats().num_running < 14) {
        const auto draw = Philox(seed, 1, id);
        Request request = AskBeams(id, static_cast<int>(1 + draw[0] % 80), 1, 3, static_cast<int>(1 + draw[2] % 60));
        for (TokenId token = 3; id % 3 == 0 && token < 43; ++token)
          request.prompt.insert(request.prompt.begin(), token);
        request.sampling.use_beam_search = draw[3] % 4 == 0;
        if (!request.sampling.use_beam_search) request.sampling.n = static_cast<int>(1 + draw[3] / 4 % 3);
        num_outputs += static_cast<size_t>(request.sampling.n);
        core->Add(std::move(request));
        ++id;
        if (draw[3] / 16 % 4 == 0) core->Cancel(draw[3] / 64 % (id + 1), events);
      }
      core->Step(events);
      for (const OutputEvent& event : events) num_ends += event.finish != FinishReason::kNone ? 1 : 0;
    }
    ASSERT_TRUE(core->CheckIntegrity()) << seed;
    EXPECT_EQ(num_ends, num_outputs) << seed;
    EXPECT_EQ(core->Stats().num_free_pages, core->Stats().num_pages) << seed;
  }
}

TEST(Beams, CancelAnswersForEveryOutput) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(Options());
  core->Add(AskBeams(1, 20, 2, 4, 50));
  EventBatch events;
  for (int i = 0; i < 5; ++i) core->Step(events);
  EXPECT_EQ(core->Stats().num_running, 4);
  EXPECT_TRUE(events.empty());
  core->Cancel(1, events);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].sample, 1);
  EXPECT_EQ(events[1].finish, FinishReason::kCancelled);
  EXPECT_FALSE(core->HasWork());
  EXPECT_EQ(core->Stats().num_free_pages, core->Stats().num_pages);
}

// An infinite bias breaks every beam's logits in the same step.
TEST(Beams, AFailureEndsTheWholeRequestOnce) {
  Request request = AskBeams(1, 20, 2, 4, 50);
  request.sampling.repetition_penalty = 1e-300;
  const std::unique_ptr<EngineCore> core = TinyModel().Core(Options());
  core->Add(request);
  EventBatch events;
  while (core->HasWork()) core->Step(events);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].finish, FinishReason::kError);
  EXPECT_EQ(core->Stats().num_finished_error, 2u);
}

TEST(Beams, RefuseWhatCouldNeverFit) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(Options(20));
  EXPECT_TRUE(core->Check(AskBeams(1, 20, 1, 4, 60)));
  EXPECT_EQ(core->Check(AskBeams(1, 20, 1, 4, 61)).error().message,
            "4 beams of 81 tokens may need 24 pages of keys and values, but there are 20: lower max_tokens or the beam "
            "width, or raise --kv-cache-memory");
  EXPECT_EQ(core->Check(AskBeams(1, 20, 1, 17, 5)).error().message,
            "the beam width is 17, but at most 16 sequences run at once (--max-num-seqs)");
  EXPECT_EQ(core->Check(AskBeams(1, 20, 3, 2, 5)).error().message, "the beam width is 2, but must be between 3 and 64");
  Request request = AskBeams(1, 20, 1, 2, 5);
  request.sampling.top_p = 0.5;
  EXPECT_FALSE(core->Check(request));
}

}  // namespace
}  // namespace tenfold::engine
