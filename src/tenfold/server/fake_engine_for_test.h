// FakeEngine: a test's engine without a model. It has its own thread, and answers by a script.
//
// Each step gives every unfinished sample of every request one event, all in one batch. Its tokens are bytes: token
// kFirstByte + b is the byte b, so that any text encodes to as many tokens as it has bytes, after a BOS.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "tenfold/base/check.h"
#include "tenfold/engine/engine_api.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::server {

inline constexpr TokenId kBos = 1;
inline constexpr TokenId kFirstByte = 5;

inline tokenizer::Tokenizer MakeByteTokenizer() {
  tokenizer::Vocabulary vocabulary;
  vocabulary.source = "fake";
  vocabulary.tokens = {"<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"};
  vocabulary.types.assign(5, tokenizer::TokenType::kControl);
  for (int byte = 0; byte < 256; ++byte) vocabulary.tokens.push_back(fmt::format("<0x{:02X}>", byte));
  vocabulary.types.resize(vocabulary.tokens.size(), tokenizer::TokenType::kByte);
  vocabulary.tokens.emplace_back("[TOOL_CALLS]");
  vocabulary.types.push_back(tokenizer::TokenType::kControl);
  vocabulary.types[0] = tokenizer::TokenType::kUnknown;
  vocabulary.scores.assign(vocabulary.tokens.size(), 0.0f);
  vocabulary.spaces_are_underlined = false;
  vocabulary.unknown = 0;
  vocabulary.bos = kBos;
  vocabulary.eos = 2;
  vocabulary.add_bos = true;
  vocabulary.chat_template =
      "{{ bos_token }}{% for message in messages %}"
      "{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
      "{% if shout is defined %}{{ raise_exception('no shouting: ' ~ shout) }}{% endif %}";
  auto tokenizer = tokenizer::Tokenizer::Create(std::move(vocabulary));
  CHECK_MSG(tokenizer.has_value(), "{}", tokenizer.error().message);
  return std::move(*tokenizer);
}

class FakeEngine final : public engine::EngineApi {
 public:
  // What step `step` (from 0) of a sample says. The ids and totals are filled in by the engine.
  using Script = std::function<engine::OutputEvent(const engine::Request& request, int sample, int step)>;

  explicit FakeEngine(engine::EventSink& sink) : sink_(sink), script_(Alphabet), thread_([this] { Loop(); }) {}
  ~FakeEngine() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // The default: log-probabilities of the prompt when asked for; one letter a step, "a" for sample 0, then "b", ... and for sample 1 from "b" on, until max_tokens.
  static engine::OutputEvent Alphabet(const engine::Request& request, int sample, int step) {
    engine::OutputEvent event;
    if (request.pooling) {
      event.finish = engine::FinishReason::kStop;
      event.embedding = {0.5f, 0.5f, 0.5f, *request.pooling == engine::Pooling::kMean ? 0.5f : -0.5f};
      return event;
    }
    static constexpr sampling::TokenLogprob kTop[] = {{kFirstByte + 'x', -0.25}, {kFirstByte + 'y', -1.5}};
    if (sample == 0 && step == 0 && request.sampling.num_prompt_logprobs) {
      const int num_top = std::min(*request.sampling.num_prompt_logprobs, 2);
      for (size_t i = 1; i < request.prompt.size(); ++i) {
        event.prompt_logprobs.push_back(
            {.logprob = -static_cast<double>(i), .rank = static_cast<int>(2 + i), .top = {kTop, kTop + num_top}});
      }
    }
    if (request.sampling.max_tokens == 0) {
      event.finish = engine::FinishReason::kLength;
      return event;
    }
    const char letter = static_cast<char>('a' + (sample + step) % 26);
    event.tokens = {kFirstByte + letter};
    event.text = letter;
    if (request.sampling.num_logprobs) {
      const int num_top = std::min(*request.sampling.num_logprobs, 2);
      event.logprobs.push_back({.logprob = -2.0, .rank = 3, .top = {kTop, kTop + num_top}});
    }
    if (step + 1 == request.sampling.max_tokens.value_or(16)) event.finish = engine::FinishReason::kLength;
    return event;
  }

  Status Submit(engine::Request request) override {
    {
      const std::lock_guard lock(mutex_);
      if (refusal_ && num_accepted_ == accepts_before_refusal_) return tl::unexpected(*refusal_);
      ++num_accepted_;
      Running running{.request = request, .steps = {}};
      running.steps.assign(static_cast<size_t>(request.sampling.n), 0);
      running_.emplace(request.id, std::move(running));
      submitted_.push_back(std::move(request));
    }
    changed_.notify_all();
    return {};
  }

  void Cancel(engine::RequestId id) override {
    {
      const std::lock_guard lock(mutex_);
      cancelled_.insert(id);
      running_.erase(id);
    }
    changed_.notify_all();
  }

  engine::EngineStats Stats() const override {
    engine::EngineStats stats;
    stats.num_running = 3;
    stats.num_waiting = 2;
    stats.num_pages = 8;
    stats.num_free_pages = 6;
    stats.num_swap_pages = 20;
    stats.num_swapped_pages = 5;
    stats.num_swapped_out = 9;
    stats.num_swapped_in = 7;
    stats.prefix_query_tokens = 90;
    stats.prefix_hit_tokens = 45;
    stats.CountStep(3);
    stats.CountStep(64);
    stats.num_prompt_tokens = 70;
    stats.num_output_tokens = 30;
    stats.num_preemptions = 4;
    stats.num_finished_stop = 11;
    stats.num_finished_length = 12;
    return stats;
  }
  // All that run, and one that nobody knows.
  void InspectState(std::function<void(engine::EngineState)> done) override {
    engine::EngineState state{.stats = Stats(), .last_step_tokens = 64, .sequences = {}};
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [id, running] : running_) {
        state.sequences.push_back({.request = id, .is_running = true, .num_prompt_tokens = 7, .num_pages = 2});
      }
      state.sequences.push_back({.request = 1'000'000});  // its client is gone
    }
    done(std::move(state));
  }
  const engine::EngineOptions& options() const override { return options_; }
  int64_t max_model_len() const override { return 512; }
  const tokenizer::Tokenizer& tokenizer() const override { return tokenizer_; }

  // What the test does. Before the first request:
  void SetMaxWaitingRequests(int64_t most) { options_.max_waiting_requests = most; }
  void SetScript(Script script) {
    const std::lock_guard lock(mutex_);
    script_ = std::move(script);
  }
  // From now on requests are refused, after `accepted` more.
  void Refuse(Error error, int accepted = 0) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(error);
    accepts_before_refusal_ = num_accepted_ + accepted;
  }
  void Pause() {
    const std::lock_guard lock(mutex_);
    steps_allowed_ = 0;
  }
  // Lets `steps` more steps happen, or any number.
  void Resume(std::optional<int> steps = std::nullopt) {
    {
      const std::lock_guard lock(mutex_);
      steps_allowed_ = steps;
    }
    changed_.notify_all();
  }

  // Both wait, and give up (returning false) after a time far beyond what it takes.
  bool WaitForSubmitted(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return submitted_.size() >= count; });
  }
  bool WaitForCancelled(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return cancelled_.size() >= count; });
  }
  std::vector<engine::Request> submitted() const {
    const std::lock_guard lock(mutex_);
    return submitted_;
  }
  size_t num_cancelled() const {
    const std::lock_guard lock(mutex_);
    return cancelled_.size();
  }

 private:
  static constexpr std::chrono::seconds kPatience{10};

  engine::EngineOptions options_;

  struct Running {
    engine::Request request;
    std::vector<int> steps;  // done, per sample; -1 when finished
  };

  void Loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || (!running_.empty() && steps_allowed_ != 0); });
      if (stopping_) return;
      if (steps_allowed_) --*steps_allowed_;
      engine::EventBatch batch = Step();
      lock.unlock();
      sink_.OnEvents(std::move(batch));
      lock.lock();
    }
  }

  engine::EventBatch Step() {
    engine::EventBatch batch;
    for (auto it = running_.begin(); it != running_.end();) {
      Running& running = it->second;
      for (size_t sample = 0; sample < running.steps.size(); ++sample) {
        int& step = running.steps[sample];
        if (step < 0) continue;
        engine::OutputEvent event = script_(running.request, static_cast<int>(sample), step++);
        event.request = running.request.id;
        event.sample = static_cast<int>(sample);
        if (event.finish != engine::FinishReason::kNone) {
          event.num_prompt_tokens = static_cast<int64_t>(running.request.prompt.size());
          event.num_cached_tokens = event.num_prompt_tokens - 1;
          event.num_output_tokens = running.request.sampling.max_tokens == 0 || running.request.pooling ? 0 : step;
          step = -1;
        }
        batch.push_back(std::move(event));
      }
      const bool finished = std::all_of(running.steps.begin(), running.steps.end(), [](int step) { return step < 0; });
      it = finished ? running_.erase(it) : std::next(it);
    }
    return batch;
  }

  const tokenizer::Tokenizer tokenizer_ = MakeByteTokenizer();
  engine::EventSink& sink_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Script script_;
  std::optional<Error> refusal_;
  int num_accepted_ = 0;
  int accepts_before_refusal_ = 0;
  std::optional<int> steps_allowed_;
  bool stopping_ = false;
  std::map<engine::RequestId, Running> running_;
  std::vector<engine::Request> submitted_;
  std::set<engine::RequestId> cancelled_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace tenfold::server
