// RunLoad: sends a plan of requests to an OpenAI-compatible server and notes when what came back.
//
// One thread, a connection a request, any number at once. Prompts go as token ids to /v1/completions, or as text to
// /v1/chat/completions; outputs are streamed, greedy, and as long as asked for (ignore_eos, which vLLM, SGLang,
// llama-server and tenfold know). A request that fails is noted with its error, and the others go on.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/bench/load_plan.h"

namespace tenfold::bench {

// "http://host:port/base"; the base, if any, stands before "/v1/...".
struct ServerUrl {
  std::string host;
  std::string port;
  std::string base;
};
// Errors: kInvalidArgument for anything but http.
Result<ServerUrl> ParseServerUrl(std::string_view url);

// "Name=value", as vLLM's --header. Errors: kInvalidArgument.
Result<std::pair<std::string, std::string>> ParseHeader(std::string_view text);

struct LoadOptions {
  ServerUrl url;
  bool chat = false;  // /v1/chat/completions, prompts as text: about as many tokens as words
  std::string model;  // empty: asked from the server
  std::string api_key;
  std::vector<std::pair<std::string, std::string>> headers = {};  // sent with every request, too
  int64_t max_concurrency = 0;  // conversations at once; 0 = no bound: they start when they arrive
  double request_timeout_s = 600;
};

struct LoadOutcome {
  double start_s = 0;  // sent; all times since the start of the run
  double first_text_s = 0;
  double end_s = 0;
  std::vector<double> gaps_s;     // between chunks with text (answer_reader.h)
  int64_t num_prompt_tokens = 0;  // as the server counts, or as planned where it does not
  int64_t num_cached_tokens = 0;
  int64_t num_output_tokens = 0;
  std::string error;  // empty: completed
};

struct LoadProgress {
  int64_t num_requests = 0;
  int64_t num_completed = 0;
  int64_t num_failed = 0;
  int64_t num_running = 0;
  int64_t num_output_chunks = 0;
  int64_t num_first_chunks = 0;  // answers that have begun
  double sum_first_chunk_s = 0;  // of the times that they took to
  double elapsed_s = 0;
};

struct LoadRun {
  std::vector<LoadOutcome> outcomes;  // in order of their ends; those that Ctrl-C cut off are left out
  double duration_s = 0;
  int64_t max_running = 0;
  bool interrupted = false;
};

// Errors: kUnavailable when the server cannot be reached at the beginning, naming the URL. `on_progress` is called
// twice a second.
Result<LoadRun> RunLoad(const LoadOptions& options, const std::vector<Conversation>& plan,
                        const std::function<void(const LoadProgress&)>& on_progress);

}  // namespace tenfold::bench
