// What a client asks of the engine and what comes back: plain data, moved through the engine's mailbox and event sink.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/sampling/sampler.h"
#include "tenfold/sampling/sampling_params.h"

namespace tenfold::engine {

using RequestId = uint64_t;  // chosen by the submitter, unique while the request lives

// How the model's states after a prompt's tokens, as they go into its output matrix, become one vector of length 1: that
// of the last token, or the direction of their sum.
enum class Pooling { kLast, kMean };

struct Request {
  RequestId id = 0;
  std::vector<TokenId> prompt;          // with BOS where the model wants one
  sampling::SamplingParams sampling;    // `n` samples share the prompt's pages
  std::optional<Pooling> pooling = {};  // set: an embedding of the prompt is wanted, and nothing is generated
  int64_t priority = 0;                 // lower is more urgent, where the scheduling policy is by priority
  std::string cache_salt = {};          // only requests with the same one share cached prefixes
};

enum class FinishReason {
  kNone,       // not finished
  kStop,       // an end-of-generation token, a stop string or a stop token; an embedding is there
  kLength,     // max_tokens or the context limit; with max_tokens of 0 once the prompt is computed
  kCancelled,  // by Cancel or shutdown; carries no text
  kError,      // `error` says why
};

// A token's log-probability and those of the likeliest tokens, as SampledToken gives them, owned.
struct TokenLogprobs {
  double logprob = 0;
  int rank = 0;  // 1 = the most likely token
  std::vector<sampling::TokenLogprob> top = {};

  friend bool operator==(const TokenLogprobs&, const TokenLogprobs&) = default;
};

// What one step added to one sample of a request. The first event of a sample may have no tokens only if it finishes
// it.
struct OutputEvent {
  RequestId request = 0;
  int sample = 0;  // in [0, n)
  // Tokens of this step and, when asked for, their log-probabilities (same length, otherwise empty).
  std::vector<TokenId> tokens = {};
  std::vector<TokenLogprobs> logprobs = {};
  // When asked for, of each token of the prompt but the first, which nothing stands before; in the first event of sample
  // 0.
  std::vector<TokenLogprobs> prompt_logprobs = {};
  // Of the prompt, where it was asked for: length 1, in the event that ends the request.
  std::vector<float> embedding = {};
  // Text that became certain in this step: whole UTF-8 characters, nothing that may still turn into a stop string.
  std::string text = {};
  // When the step began that computed the first of this sample's tokens; in the event with the first output token.
  std::chrono::steady_clock::time_point scheduled_at = {};
  FinishReason finish = FinishReason::kNone;
  std::string stop_string = {};            // the stop string that ended it, if one did
  std::optional<TokenId> stop_token = {};  // of stop_token_ids, the one that ended it; not an end-of-generation token
  // Final when `finish` is set.
  int64_t num_prompt_tokens = 0;
  int64_t num_cached_tokens = 0;  // of the prompt, those that were not computed again
  int64_t num_output_tokens = 0;
  Error error{ErrorCode::kInvalidArgument, {}};  // when finish is kError
};

// All events of one step, in the order of the batch.
using EventBatch = std::vector<OutputEvent>;

// Receives one batch per step that produced events. Called on the engine thread; must return at once, so it hands the
// batch to another thread. Every submitted sample gets exactly one event with a finish reason, whatever happens.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void OnEvents(EventBatch batch) = 0;
};

}  // namespace tenfold::engine
