// How conversations are written for a model: a table of known prompt formats, recognised by a marker in the model's
// Jinja chat template. It stands in for a template engine and knows plain conversations only: no tools, no default
// system prompts (Qwen 2.5 and Llama 3.1 templates add their own).
//
//   format    recognised by          a user's turn, then the model's
//   ChatML    <|im_start|>           <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n
//   Llama 3   <|start_header_id|>    <|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>...
//   Gemma     <start_of_turn>        <start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n
//   Phi-3     <|user|>, <|end|>      <|user|>\nHi<|end|>\n<|assistant|>\n
//   Zephyr    <|user|>               <|user|>\nHi</s>\n<|assistant|>\n
//   Llama 2   [INST], <<SYS>>        [INST] Hi [/INST]
//   Mistral   [INST] and a space     [INST] Hi [/INST]
//   Tekken    [INST]                 [INST]Hi[/INST]
//   plain     no template            User: Hi\nAssistant:
//
// What users and models wrote is never parsed for special tokens, only the format's own markers are: nobody can end a
// turn early or speak for the system. The plain format has no markers, and so cannot promise that.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::tokenizer {

enum class ChatFormat { kPlain, kChatMl, kLlama3, kGemma, kPhi3, kZephyr, kLlama2, kMistral, kTekken };

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant"
  std::string content;
};

// The format that a model's chat template describes. Errors: kUnsupported when no marker is known.
Result<ChatFormat> DetectChatFormat(std::string_view chat_template);

// The prompt for the model's next turn: give it to Tokenizer::Encode with add_special = true, which puts the
// beginning-of-text token before it. `bos` and `eos` are the texts of these tokens, which some formats put between
// turns. Errors: kInvalidArgument for no messages, an unknown role, or a system message that is not the first where the
// format has no turn for it (it is then joined to the first user's message).
Result<std::vector<PromptSegment>> RenderChat(ChatFormat format, std::span<const ChatMessage> messages,
                                              std::string_view bos, std::string_view eos);

}  // namespace tenfold::tokenizer
