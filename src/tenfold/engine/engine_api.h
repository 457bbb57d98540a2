// EngineApi: all that the server and the command line see of the engine.
//
// Any thread may call any method; none blocks on the model. Answers arrive through the EventSink that the engine was
// built with (request.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/engine/engine_options.h"
#include "tenfold/engine/request.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::engine {

// A snapshot for /metrics and reports. Counters only rise.
struct EngineStats {
  int64_t num_running = 0;  // sequences in the batch
  int64_t num_waiting = 0;  // sequences without pages, new or preempted
  int64_t num_pages = 0;
  int64_t num_free_pages = 0;
  int64_t page_size = 0;          // tokens
  int64_t num_swap_pages = 0;     // that the swap space has room for
  int64_t num_swapped_pages = 0;  // that are in it
  uint64_t num_steps = 0;
  uint64_t num_prompt_tokens = 0;  // of prompts computed to their end, each once
  uint64_t num_output_tokens = 0;
  uint64_t num_computed_tokens = 0;  // through the model, recomputation after preemption included
  uint64_t num_preemptions = 0;
  uint64_t num_swapped_out = 0;  // pages
  uint64_t num_swapped_in = 0;
  uint64_t prefix_query_tokens = 0;  // of prompts that the prefix cache was asked for, each once
  uint64_t prefix_hit_tokens = 0;    // of these, tokens that it had
  uint64_t num_finished_stop = 0;
  uint64_t num_finished_length = 0;
  uint64_t num_finished_cancelled = 0;
  uint64_t num_finished_error = 0;

  // Steps by the number of their tokens: element i counts those of at most kStepTokenBounds[i], and of more than the
  // bound before it; the last element those above all bounds. The bounds are vLLM's.
  static constexpr std::array<int64_t, 14> kStepTokenBounds = {1,   8,    16,   32,   64,   128,   256,
                                                               512, 1024, 2048, 4096, 8192, 16384, 32768};
  std::array<uint64_t, kStepTokenBounds.size() + 1> num_steps_by_tokens = {};

  void CountStep(int64_t num_tokens) {
    ++num_steps;
    num_computed_tokens += static_cast<uint64_t>(num_tokens);
    const auto bound = std::lower_bound(kStepTokenBounds.begin(), kStepTokenBounds.end(), num_tokens);
    ++num_steps_by_tokens[static_cast<size_t>(bound - kStepTokenBounds.begin())];
  }
};

// Every unfinished sequence at one moment, between two steps.
struct EngineState {
  struct SequenceState {
    RequestId request = 0;
    int sample = 0;
    bool is_running = false;
    int64_t num_prompt_tokens = 0;
    int64_t num_computed_tokens = 0;  // prompt and output
    int64_t num_cached_tokens = 0;    // of the prompt, found in the prefix cache
    int64_t num_output_tokens = 0;
    int64_t num_pages = 0;
    int64_t num_preemptions = 0;
  };
  EngineStats stats;
  int64_t last_step_tokens = 0;
  std::vector<SequenceState> sequences;  // the running, then the waiting, each in order of arrival
};

class EngineApi {
 public:
  virtual ~EngineApi() = default;

  // Errors: kInvalidArgument (parameters, a token outside the vocabulary, an empty prompt, a prompt that leaves no room
  // in max_model_len), kResourceExhausted (mailbox full: try again later), kUnavailable (shutting down). After an error
  // no event follows.
  virtual Status Submit(Request request) = 0;

  // Ends all samples of the request at the next step, with kCancelled for those not finished. Unknown ids are ignored.
  virtual void Cancel(RequestId id) = 0;

  virtual EngineStats Stats() const = 0;
  // Calls `done` once, on the engine's thread between two steps, or never when the engine ends first. `done` must
  // return at once.
  virtual void InspectState(std::function<void(EngineState)> done) = 0;
  virtual const EngineOptions& options() const = 0;
  virtual int64_t max_model_len() const = 0;  // prompt and output together, tokens
  virtual const tokenizer::Tokenizer& tokenizer() const = 0;
};

}  // namespace tenfold::engine
