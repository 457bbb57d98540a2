// ChatRenderer: conversations as a model wants to read them, by its own chat template (chat_template.h), or by a plain
// one where it has none:
//
//   System: Be brief.\n
//   User: Hi\n
//   Assistant:
//
// The plain one has no control tokens to end a turn with: generation should stop at "\nUser:".
//
// Immutable; any thread may call. The tokenizer outlives it.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/base/result.h"
#include "tenfold/tokenizer/chat_template.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::tokenizer {

class ChatRenderer {
 public:
  // By the template `source`, or the plain one when it is empty. Errors: those of ChatTemplate::Parse.
  static Result<ChatRenderer> Create(const Tokenizer& tokenizer, std::string_view source);

  bool is_plain() const { return is_plain_; }

  // The prompt for `inputs`, as ChatTemplate::Render takes them, for Tokenizer::Encode without special tokens: "messages", objects with "role" and "content";
  // "add_generation_prompt", true unless given; and others that the template may read. The token texts are added here.
  // A beginning-of-text token stands there when the template writes it. With `unfinished`, the text of the last
  // message, the prompt ends where that does, so that the model goes on with it. Errors: those of ChatTemplate::Render,
  // and kInvalidArgument when the template does not write that text.
  Result<std::vector<PromptSegment>> Render(json::object inputs,
                                            std::optional<std::string_view> unfinished = std::nullopt) const;

 private:
  ChatRenderer(const Tokenizer& tokenizer, ChatTemplate chat_template, bool is_plain)
      : tokenizer_(&tokenizer), template_(std::move(chat_template)), is_plain_(is_plain) {}

  const Tokenizer* tokenizer_;
  ChatTemplate template_;
  bool is_plain_;
};

}  // namespace tenfold::tokenizer
