// ChatPrompt: what a request says about a conversation, validated, as the model's chat template reads it.
//
// Three endpoints take it: /v1/chat/completions, /tokenize and whatever else renders a conversation.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/server/json_fields.h"

namespace tenfold::server {

// A call that an earlier answer made.
struct ToolCall {
  std::string id;
  std::string name;
  json::value arguments = json::object();  // or a text, where a model wrote what is no JSON object
};

struct ChatMessage {
  std::string role;     // "system", "user", "assistant" or "tool"; OpenAI's "developer" became "system"
  std::string content;  // empty where an assistant's message only calls tools
  std::string reasoning_content = {};
  std::vector<ToolCall> tool_calls = {};  // of an assistant
  std::string tool_call_id = {};          // of a tool: the call that this answers
  std::string name = {};
};

struct ChatPrompt {
  std::vector<ChatMessage> messages;       // at least one
  json::array tools = {};                  // as they were sent: {"type": "function", "function": {"name", ...}}
  bool add_generation_prompt = true;       // the prompt ends with the beginning of an answer
  bool continue_final_message = false;     // the answer goes on with the last message instead
  json::object chat_template_kwargs = {};  // what else the model's chat template may read

  // The template's inputs. Arguments of calls are objects in there, not JSON texts, as templates expect them.
  json::object TemplateInputs() const;
};

// As it stands in the body.
struct ChatPromptBody : ChatPrompt {
  std::optional<bool> generation_prompt;
};

// The fields of a body that are about the conversation, and what they mean together.
std::span<const JsonField<ChatPromptBody>> ChatPromptFields();
ApiStatus FinishChatPrompt(ChatPromptBody& body);

}  // namespace tenfold::server
