// ChatEncoder: conversations as prompts that this model understands, and how its answers to them are to be read.
//
// Prompts follow the model's chat template. The template also tells in which format the model calls tools and marks its
// reasoning, unless the server was told otherwise. Immutable; the tokenizer outlives it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/server/api_error.h"
#include "tenfold/server/chat_answer/chat_answer_parser.h"
#include "tenfold/server/chat_prompt.h"
#include "tenfold/tokenizer/chat_renderer.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::server {

struct ChatEncoderOptions {
  std::string chat_template;                 // Jinja, in place of the model's own
  std::optional<ToolCallFormat> tool_calls;  // none: as the template writes them
  bool splits_reasoning = true;              // reasoning comes apart from the answer, where the template has tags
};

struct EncodedChat {
  std::vector<TokenId> prompt;
  ChatAnswerFormat answer_format = {};
  std::optional<std::string> stop_string = {};  // ends an answer where the model has no token for it
  bool wants_special_tokens = false;            // in the text: one of the markers of `answer_format` is a control token
};

class ChatEncoder {
 public:
  // Warns in the log when the model brings no template, or one that cannot be read.
  ChatEncoder(const ChatEncoderOptions& options, const tokenizer::Tokenizer& tokenizer);

  // Errors: 400 when the template cannot be read, knows no tools though the conversation has some, or refuses it.
  ApiResult<EncodedChat> Encode(const ChatPrompt& chat) const;

 private:
  ChatAnswerFormat AnswerFormat(const ChatPrompt& chat, const std::vector<tokenizer::PromptSegment>& segments) const;

  const tokenizer::Tokenizer& tokenizer_;
  const Result<tokenizer::ChatRenderer> renderer_;
  bool knows_tools_;  // the template shows them to the model
  ToolCallFormat tool_calls_;
  ReasoningTags reasoning_;
};

}  // namespace tenfold::server
