#include "tenfold/cli/completion.h"

#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::cli {
namespace {

using Clock = EventQueue::Clock;

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void Append(engine::OutputEvent& event, CompletedSample& sample) {
  sample.tokens.insert(sample.tokens.end(), event.tokens.begin(), event.tokens.end());
  std::move(event.logprobs.begin(), event.logprobs.end(), std::back_inserter(sample.logprobs));
  sample.text += event.text;
  sample.finish = event.finish;
}

}  // namespace

double Completion::prefill_tokens_per_s() const {
  return prefill_ms > 0 ? static_cast<double>(num_prompt_tokens) * 1000 / prefill_ms : 0;
}

double Completion::decode_tokens_per_s() const {
  int64_t num_tokens = 0;
  for (const CompletedSample& sample : samples) {
    if (!sample.tokens.empty()) num_tokens += static_cast<int64_t>(sample.tokens.size()) - 1;
  }
  return decode_ms > 0 ? static_cast<double>(num_tokens) * 1000 / decode_ms : 0;
}

Result<Completion> Complete(engine::EngineApi& engine, EventQueue& events, engine::Request request,
                            const CompletionWatcher& watcher) {
  constexpr std::chrono::milliseconds kPatience(50);  // between two looks at wants_to_stop
  Completion completion;
  completion.samples.resize(static_cast<size_t>(request.sampling.n));
  completion.num_prompt_tokens = static_cast<int64_t>(request.prompt.size());
  const engine::RequestId id = request.id;
  size_t num_unfinished = completion.samples.size();
  std::optional<Error> failure;
  std::optional<Clock::time_point> first_token;
  bool cancelled = false;

  const Clock::time_point submitted = Clock::now();
  RETURN_IF_ERROR(engine.Submit(std::move(request)));
  while (num_unfinished > 0) {
    if (!cancelled && watcher.wants_to_stop()) {
      cancelled = true;
      engine.Cancel(id);
    }
    std::optional<EventQueue::Arrival> arrival = events.Wait(kPatience);
    if (!arrival) continue;
    for (engine::OutputEvent& event : arrival->events) {
      CHECK_EQ(event.request, id);
      if (!first_token && !event.tokens.empty()) {
        first_token = arrival->time;
        completion.prefill_ms = Milliseconds(arrival->time - submitted);
      }
      if (first_token) completion.decode_ms = Milliseconds(arrival->time - *first_token);
      if (event.finish != engine::FinishReason::kNone) --num_unfinished;
      if (event.finish == engine::FinishReason::kError) failure = event.error;
      Append(event, completion.samples[static_cast<size_t>(event.sample)]);
      if (!event.text.empty()) watcher.on_text(event.sample, event.text);
    }
  }
  if (failure) return tl::unexpected(*failure);
  return completion;
}

std::string_view FinishReasonName(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::kStop:
      return "stop";
    case engine::FinishReason::kLength:
      return "length";
    case engine::FinishReason::kCancelled:
      return "cancelled";
    case engine::FinishReason::kError:
      return "error";
    case engine::FinishReason::kNone:
      break;
  }
  CHECK_MSG(false, "a sample that has not finished");
  return {};
}

}  // namespace tenfold::cli
