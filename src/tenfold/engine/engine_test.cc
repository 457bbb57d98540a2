// The engine behind its mailbox: several threads submit and cancel, every sample gets exactly one end.
#include "tenfold/engine/engine.h"

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "tenfold/base/random.h"
#include "tenfold/engine/engine_for_test.h"
#include "tenfold/model/tiny_model_for_test.h"

namespace tenfold::engine {
namespace {

class CountingSink final : public EventSink {
 public:
  void OnEvents(EventBatch batch) override {
    const std::lock_guard lock(mutex_);
    for (const OutputEvent& event : batch) {
      num_tokens_[event.request] += static_cast<int64_t>(event.tokens.size());
      if (event.finish == FinishReason::kNone) continue;
      ++num_ends_[{event.request, event.sample}];
      ++total_ends_;
    }
    changed_.notify_all();
  }
  void WaitForEnds(int64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return total_ends_ >= count; });
  }
  void WaitForToken(RequestId request) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return num_tokens_[request] > 0; });
  }
  int64_t total_ends() {
    const std::lock_guard lock(mutex_);
    return total_ends_;
  }
  // True when no sample ended twice.
  bool EndsAreUnique() {
    const std::lock_guard lock(mutex_);
    return std::all_of(num_ends_.begin(), num_ends_.end(), [](const auto& entry) { return entry.second == 1; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<RequestId, int64_t> num_tokens_;
  std::map<std::pair<RequestId, int>, int> num_ends_;
  int64_t total_ends_ = 0;
};

Request Ask(RequestId id, int64_t prompt_size, int max_tokens) {
  Request request{.id = id, .prompt = {}, .sampling = {}};
  for (int64_t i = 0; i < prompt_size; ++i)
    request.prompt.push_back(static_cast<TokenId>(3 + (i * 5 + static_cast<int64_t>(id)) % 200));
  request.sampling.max_tokens = max_tokens;
  request.sampling.ignore_eos = true;
  return request;
}

EngineOptions SmallOptions() {
  return {.max_model_len = 128,
          .max_num_seqs = 8,
          .max_num_batched_tokens = 32,
          .page_size = 16,
          .kv_cache_bytes = 64 << 10};
}

TEST(Engine, ServesManyThreadsAtOnceWhileTheyCancel) {
  LoadedModel loaded(model::WriteTinyModel(tensor::DataType::kF32), 2);
  CountingSink sink;
  const auto engine = Engine::Create(SmallOptions(), *loaded.model, loaded.kernels(), loaded.threads, sink).value();
  constexpr int kThreads = 4, kRequests = 60;
  std::atomic<int64_t> num_samples{0};
  std::vector<std::thread> clients;
  for (int t = 0; t < kThreads; ++t) {
    clients.emplace_back([&, t] {
      for (int i = 0; i < kRequests; ++i) {
        const auto id = static_cast<RequestId>(t * 1000 + i);
        const auto draw = Philox(3, static_cast<uint64_t>(t), static_cast<uint64_t>(i));
        Request request = Ask(id, 1 + draw[0] % 90, static_cast<int>(1 + draw[1] % 30));
        request.sampling.n = static_cast<int>(1 + draw[2] % 3);
        num_samples += request.sampling.n;
        ASSERT_TRUE(engine->Submit(request));
        if (draw[3] % 3 == 0) engine->Cancel(id);
        if (draw[3] % 7 == 0) engine->Cancel(id);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  sink.WaitForEnds(num_samples);
  EXPECT_EQ(sink.total_ends(), num_samples);
  EXPECT_TRUE(sink.EndsAreUnique());
  // The statistics follow within the step that delivered the last event.
  const EngineStats stats = engine->Stats();
  EXPECT_EQ(stats.num_free_pages, stats.num_pages);
  EXPECT_EQ(stats.num_running + stats.num_waiting, 0);
  EXPECT_EQ(static_cast<int64_t>(stats.num_finished_cancelled + stats.num_finished_length), num_samples);
}

TEST(Engine, AnswersForEverythingWhenItStops) {
  LoadedModel loaded(model::WriteTinyModel(tensor::DataType::kF32), 2);
  CountingSink sink;
  auto engine = Engine::Create(SmallOptions(), *loaded.model, loaded.kernels(), loaded.threads, sink).value();
  for (RequestId id = 0; id < 20; ++id) ASSERT_TRUE(engine->Submit(Ask(id, 20, 100)));
  sink.WaitForToken(0);
  engine.reset();
  EXPECT_EQ(sink.total_ends(), 20);
  EXPECT_TRUE(sink.EndsAreUnique());
}

TEST(Engine, ShowsItsSequencesBetweenTwoSteps) {
  LoadedModel loaded(model::WriteTinyModel(tensor::DataType::kF32), 1);
  CountingSink sink;
  EngineOptions options = SmallOptions();
  options.max_num_seqs = 2;
  const auto engine = Engine::Create(options, *loaded.model, loaded.kernels(), loaded.threads, sink).value();
  const auto inspect = [&engine] {
    std::promise<EngineState> state;
    engine->InspectState([&state](EngineState s) { state.set_value(std::move(s)); });
    return state.get_future().get();
  };
  EXPECT_TRUE(inspect().sequences.empty()) << "also an idle engine answers";
  // What is sent from between two steps is taken before the next one.
  std::promise<EngineState> promise;
  engine->InspectState([&](EngineState) {
    for (RequestId id = 0; id < 3; ++id) EXPECT_TRUE(engine->Submit(Ask(id, 20, 100)));
    engine->InspectState([&promise](EngineState s) { promise.set_value(std::move(s)); });
  });
  const EngineState state = promise.get_future().get();
  ASSERT_EQ(state.sequences.size(), 3u);
  EXPECT_EQ(state.sequences[2].request, 2u);
  EXPECT_FALSE(state.sequences[2].is_running);
  EXPECT_EQ(state.sequences[2].num_prompt_tokens, 20);
}

TEST(Engine, SaysWhenItsQueueIsFull) {
  LoadedModel loaded(model::WriteTinyModel(tensor::DataType::kF32), 1);
  CountingSink sink;
  EngineOptions options = SmallOptions();
  options.max_waiting_requests = 4;
  const auto engine = Engine::Create(options, *loaded.model, loaded.kernels(), loaded.threads, sink).value();
  int64_t num_accepted = 0, num_refused = 0;
  for (RequestId id = 0; id < 200; ++id) {
    const Status status = engine->Submit(Ask(id, 20, 100));
    ++(status ? num_accepted : num_refused);
    if (!status) {
      EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
    }
  }
  EXPECT_GT(num_refused, 0);
  sink.WaitForEnds(num_accepted);
  EXPECT_TRUE(engine->Submit(Ask(1000, 5, 1)));
  sink.WaitForEnds(num_accepted + 1);
}

}  // namespace
}  // namespace tenfold::engine
