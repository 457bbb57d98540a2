// Runs one request on an engine from submission to its last event, for the subcommands that serve a single user.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/cli/event_queue.h"
#include "tenfold/engine/engine_api.h"

namespace tenfold::cli {

struct CompletedSample {
  std::vector<TokenId> tokens;
  std::vector<engine::TokenLogprobs> logprobs;  // one for each token, when asked for
  std::string text;
  engine::FinishReason finish = engine::FinishReason::kNone;
};

struct Completion {
  std::vector<CompletedSample> samples;  // n of the request
  int64_t num_prompt_tokens = 0;
  double prefill_ms = 0;  // from submission to the first token
  double decode_ms = 0;   // from there to the last

  double prefill_tokens_per_s() const;
  double decode_tokens_per_s() const;  // of all samples, the first tokens left out; 0 when there are no others
};

struct CompletionWatcher {
  // Sees text as it becomes certain.
  std::function<void(int sample, std::string_view text)> on_text = [](int, std::string_view) {};
  // Asked several times a second; true cancels the request, whose samples end with kCancelled.
  std::function<bool()> wants_to_stop = [] { return false; };
};

// `events` is the engine's sink, and nothing else runs on the engine. Errors: those of Submit, and a sample's own.
Result<Completion> Complete(engine::EngineApi& engine, EventQueue& events, engine::Request request,
                            const CompletionWatcher& watcher);

// "stop", "length", "cancelled", as in OpenAI's API.
std::string_view FinishReasonName(engine::FinishReason reason);

}  // namespace tenfold::cli
