// A request body of /v1/completions or /v1/chat/completions, validated into a plain struct.
//
// Every field is honoured or refused by name; only fields that cannot change the answer (`user`, `metadata`, ...) are
// passed over. Ranges of sampling parameters are checked by sampling::Validate, which knows the vocabulary, later.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/sampling/sampling_defaults.h"
#include "tenfold/sampling/sampling_params.h"
#include "tenfold/server/api_error.h"
#include "tenfold/server/chat_prompt.h"
#include "tenfold/server/work_request.h"

namespace tenfold::server {

enum class Endpoint { kCompletions, kChat };

struct GenerationRequest : WorkRequest {
  Endpoint endpoint;
  std::vector<PromptInput> prompts;   // kCompletions; at least one
  ChatPrompt chat;                    // kChat
  bool one_tool_call = false;         // kChat: of the tools that the answer calls, only the first is returned
  sampling::SamplingParams sampling;  // without bad_words, which are still to be encoded
  std::vector<std::string> bad_words = {};
  int num_returned = 1;       // of the samples of a prompt, the likeliest ones: fewer than sampling.n with best_of
  bool has_logprobs = false;  // the answer shows log-probabilities
  bool stream = false;
  bool include_usage = false;
  bool return_token_ids = false;
  std::optional<bool> skip_special_tokens;  // as asked for
  std::string own_stop_string;              // the server's, among sampling's; not of the body
  bool echo = false;                        // kCompletions: the prompt comes before the completion
  std::optional<int> num_prompt_logprobs;   // that the answer shows; sampling's own also serve `echo`
};

// `defaults` hold for what the body leaves out.
ApiResult<GenerationRequest> ParseGenerationRequest(Endpoint endpoint, std::string_view body,
                                                    const sampling::SamplingDefaults& defaults = {});

}  // namespace tenfold::server
