// EngineApi: all that the server and the command line see of the engine.
//
// Any thread may call any method; none blocks on the model. Answers arrive through the EventSink that the engine was
// built with (request.h).
#pragma once

#include <cstdint>
#include <string>

#include "tenfold/base/result.h"
#include "tenfold/engine/request.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::engine {

// A snapshot for /metrics and reports. Counters only rise.
struct EngineStats {
  int64_t num_running = 0;  // sequences in the batch
  int64_t num_waiting = 0;  // sequences without pages, new or preempted
  int64_t num_pages = 0;
  int64_t num_free_pages = 0;
  int64_t page_size = 0;  // tokens
  uint64_t num_steps = 0;
  uint64_t num_prompt_tokens = 0;  // of prompts computed to their end, each once
  uint64_t num_output_tokens = 0;
  uint64_t num_computed_tokens = 0;  // through the model, recomputation after preemption included
  uint64_t num_preemptions = 0;
  uint64_t prefix_query_tokens = 0;  // of prompts that the prefix cache was asked for, each once
  uint64_t prefix_hit_tokens = 0;    // of these, tokens that it had
  uint64_t num_finished_stop = 0;
  uint64_t num_finished_length = 0;
  uint64_t num_finished_cancelled = 0;
  uint64_t num_finished_error = 0;
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
  virtual int64_t max_model_len() const = 0;  // prompt and output together, tokens
  virtual const tokenizer::Tokenizer& tokenizer() const = 0;
};

}  // namespace tenfold::engine
