// What goes out: answers and stream chunks of /v1/completions and /v1/chat/completions, as the OpenAI SDKs expect them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/engine/request.h"
#include "tenfold/server/chat_answer/chat_delta.h"
#include "tenfold/server/openai_request.h"
#include "tenfold/server/prompt_response.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::server {

// What all chunks of one answer have in common.
struct AnswerHead {
  Endpoint endpoint;
  std::string id;       // "cmpl-..." or "chatcmpl-..."
  int64_t created = 0;  // seconds since 1970
  std::string model;
  bool has_logprobs = false;
  int num_logprobs = 0;                         // likeliest tokens that a completion's log-probabilities show
  bool echo = false;                            // a completion begins with its prompt
  std::optional<int> num_prompt_logprobs = {};  // the answer tells of its prompt's tokens and as many likeliest
  std::string own_stop_string = {};             // the server's, of which the client does not know
  bool return_token_ids = false;
  bool include_usage = false;  // chunks say "usage": null until the last, which has it
};

// What one choice gained: since its last chunk, or in whole.
struct ChoicePiece {
  int index = 0;
  bool is_first = true;                 // begins the choice
  const PromptPiece* prompt = nullptr;  // outlives the piece
  std::string text = {};                // of a completion
  size_t text_offset = 0;               // characters of the choice before this piece
  ChatDelta chat = {};                  // of a chat
  bool calls_tools = false;             // in this piece or before it
  std::vector<TokenId> tokens = {};
  std::vector<engine::TokenLogprobs> logprobs = {};  // of each token, when asked for
  engine::FinishReason finish = engine::FinishReason::kNone;
  std::string stop_string = {};
  std::optional<TokenId> stop_token = {};

  void Append(engine::OutputEvent&& event, ChatDelta&& gained);
};

struct Usage {
  int64_t num_prompt_tokens = 0;
  int64_t num_cached_tokens = 0;  // of the prompt tokens
  int64_t num_output_tokens = 0;
};

// The whole answer.
std::string AnswerJson(const AnswerHead& head, std::span<const ChoicePiece> choices, const Usage& usage,
                       const tokenizer::Tokenizer& tokenizer);
// One server-sent event with what one choice gained.
std::string ChunkEvent(const AnswerHead& head, const ChoicePiece& choice, const tokenizer::Tokenizer& tokenizer);
// The event with the usage and no choice, when it was asked for.
std::string UsageEvent(const AnswerHead& head, const Usage& usage);
// Any JSON as a server-sent event, and the one that ends a stream.
std::string ServerSentEvent(std::string_view json);
inline constexpr std::string_view kDoneEvent = "data: [DONE]\n\n";

}  // namespace tenfold::server
