// A request body of /v1/completions or /v1/chat/completions, validated into a plain struct.
//
// Every field is honoured or refused by name; only fields that cannot change the answer (`user`, `metadata`, ...) are
// passed over. Ranges of sampling parameters are checked by sampling::Validate, which knows the vocabulary, later.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/sampling/sampling_defaults.h"
#include "tenfold/sampling/sampling_params.h"
#include "tenfold/server/api_error.h"
#include "tenfold/server/chat_prompt.h"

namespace tenfold::server {

enum class Endpoint { kCompletions, kChat };

// Text still to be encoded, or token ids.
using PromptInput = std::variant<std::string, std::vector<TokenId>>;

// Prompts times n that one body may ask for: as many as the engine is made to hold (4,096 sequences in flight).
inline constexpr size_t kMaxChoices = 4096;
inline constexpr size_t kMaxCacheSaltBytes = 256;
inline constexpr size_t kMaxRequestIdBytes = 128;
inline constexpr double kMaxTimeoutS = 86'400;

struct GenerationRequest {
  Endpoint endpoint;
  std::string model;                  // empty: the server's only one
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
  bool echo = false;                              // kCompletions: the prompt comes before the completion
  std::optional<int> num_prompt_logprobs;         // that the answer shows; sampling's own also serve `echo`
  std::optional<int64_t> truncate_prompt_tokens;  // as prompt_truncation.h reads it
  std::optional<double> timeout_s;                // from its arrival to its end; none: the server's
  int64_t priority = 0;                           // lower is more urgent, where the engine goes by it
  std::string request_id;                         // the answer\'s id ends with it; empty: one of the server\'s making
  std::string cache_salt;                         // shares cached prefixes only with requests that have the same
};

// `defaults` hold for what the body leaves out.
ApiResult<GenerationRequest> ParseGenerationRequest(Endpoint endpoint, std::string_view body,
                                                    const sampling::SamplingDefaults& defaults = {});

}  // namespace tenfold::server
