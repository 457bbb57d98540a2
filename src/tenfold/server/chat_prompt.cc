#include "tenfold/server/chat_prompt.h"

#include <algorithm>

namespace tenfold::server {
namespace {

// A schema of arguments deeper than the body's own limit cannot come in; this is for arguments inside a JSON text.
constexpr size_t kMaxArgumentsDepth = 32;
constexpr size_t kMaxToolNameBytes = 256;

struct ContentPart {
  std::string type;
  std::string text;
};

constexpr JsonField<ContentPart> kContentPartFields[] = {
    {"type", ReadMember<&ContentPart::type>},
    {"text", ReadMember<&ContentPart::text>},
};

ApiStatus ReadContent(const json::value& value, std::string_view name, ChatMessage& turn) {
  if (value.is_string()) return ReadValue(value, name, turn.content);
  if (!value.is_array())
    return BadField(name, "must be a string or an array of text parts, not {}", JsonKindName(value));
  size_t index = 0;
  for (const json::value& element : value.get_array()) {
    const std::string part_name = fmt::format("{}[{}]", name, index++);
    if (!element.is_object()) return BadField(part_name, "must be an object, not {}", JsonKindName(element));
    const json::value* type = element.get_object().if_contains("type");
    if (type == nullptr || *type != "text") {
      return BadField(part_name + ".type", "must be \"text\": this server reads no other kind of content");
    }
    ContentPart part;
    RETURN_IF_REFUSED(
        ReadFields(element.get_object(), part_name + ".", FieldsOf<ContentPart>{part, kContentPartFields}));
    turn.content += part.text;
  }
  return {};
}

ApiStatus ReadRole(const json::value& value, std::string_view name, ChatMessage& turn) {
  RETURN_IF_REFUSED(ReadValue(value, name, turn.role));
  constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant", "tool"};
  if (std::find(std::begin(kRoles), std::end(kRoles), turn.role) != std::end(kRoles)) {
    if (turn.role == "developer") turn.role = "system";  // OpenAI's newer name for it
    return {};
  }
  return BadField(name, "must be one of {}, not \"{}\"", fmt::join(kRoles, ", "), turn.role);
}

// OpenAI sends arguments as a JSON text, because that is what a model wrote; what it wrote may be something else.
ApiStatus ReadArguments(const json::value& value, std::string_view name, ToolCall& call) {
  if (value.is_object()) {
    call.arguments = value;
    return {};
  }
  if (!value.is_string()) {
    return BadField(name, "must be a JSON object or the text of one, not {}", JsonKindName(value));
  }
  const json::string& text = value.get_string();
  if (text.empty()) return {};  // some clients' way to say that there are none
  const auto parsed = ParseJson(text, "arguments", kMaxArgumentsDepth);
  call.arguments = parsed && parsed->is_object() ? *parsed : value;
  return {};
}

ApiStatus ReadTypeFunction(const json::value& value, std::string_view name, std::string_view prefix) {
  if (value == "function") return {};
  return BadField(name, "must be \"function\": {} of no other type are known", prefix);
}

constexpr JsonField<ToolCall> kCalledFunctionFields[] = {
    {"name", ReadMember<&ToolCall::name>},
    {"arguments", ReadArguments},
};

ApiStatus ReadCalledFunction(const json::value& value, std::string_view name, ToolCall& call) {
  if (!value.is_object()) return BadField(name, "must be an object, not {}", JsonKindName(value));
  return ReadFields(value.get_object(), fmt::format("{}.", name), FieldsOf<ToolCall>{call, kCalledFunctionFields});
}

constexpr JsonField<ToolCall> kToolCallFields[] = {
    {"id", ReadMember<&ToolCall::id>},
    {"type",
     [](const json::value& value, std::string_view name, ToolCall&) { return ReadTypeFunction(value, name, "calls"); }},
    {"function", ReadCalledFunction},
    {"index", Ignore},  // of a streamed call, kept by some clients
};

ApiStatus ReadToolCalls(const json::value& value, std::string_view name, ChatMessage& turn) {
  if (!value.is_array()) return BadField(name, "must be an array, not {}", JsonKindName(value));
  for (const json::value& element : value.get_array()) {
    const std::string call_name = fmt::format("{}[{}]", name, turn.tool_calls.size());
    if (!element.is_object()) return BadField(call_name, "must be an object, not {}", JsonKindName(element));
    ToolCall& call = turn.tool_calls.emplace_back();
    RETURN_IF_REFUSED(ReadFields(element.get_object(), call_name + ".", FieldsOf<ToolCall>{call, kToolCallFields}));
    if (call.name.empty()) return BadField(call_name + ".function.name", "is missing");
  }
  return {};
}

constexpr JsonField<ChatMessage> kMessageFields[] = {
    {"role", ReadRole},
    {"content", ReadContent},
    {"reasoning_content", ReadMember<&ChatMessage::reasoning_content>},
    {"tool_calls", ReadToolCalls},
    {"tool_call_id", ReadMember<&ChatMessage::tool_call_id>},
    {"name", ReadMember<&ChatMessage::name>},
    // What an earlier answer carried, when a client sends it back.
    {"refusal", nullptr, "null"},
    {"annotations", nullptr, "[]"},
    {"audio", nullptr, "null"},
    {"function_call", nullptr, "null"},
};

ApiStatus ReadMessages(const json::value& value, std::string_view name, ChatPromptBody& body) {
  if (!value.is_array()) return BadField(name, "must be an array, not {}", JsonKindName(value));
  for (const json::value& element : value.get_array()) {
    const std::string message_name = fmt::format("{}[{}]", name, body.messages.size());
    if (!element.is_object()) return BadField(message_name, "must be an object, not {}", JsonKindName(element));
    ChatMessage& turn = body.messages.emplace_back();
    RETURN_IF_REFUSED(
        ReadFields(element.get_object(), message_name + ".", FieldsOf<ChatMessage>{turn, kMessageFields}));
    if (turn.role.empty()) return BadField(message_name + ".role", "is missing");
    if (!turn.tool_calls.empty() && turn.role != "assistant") {
      return BadField(message_name + ".tool_calls", "belong to messages of the role assistant, not {}", turn.role);
    }
    if (!turn.tool_call_id.empty() && turn.role != "tool") {
      return BadField(message_name + ".tool_call_id", "belongs to messages of the role tool, not {}", turn.role);
    }
  }
  return {};
}

ApiStatus ReadTools(const json::value& value, std::string_view name, ChatPromptBody& body) {
  if (!value.is_array()) return BadField(name, "must be an array, not {}", JsonKindName(value));
  for (const json::value& tool : value.get_array()) {
    const std::string tool_name = fmt::format("{}[{}]", name, body.tools.size());
    if (!tool.is_object()) return BadField(tool_name, "must be an object, not {}", JsonKindName(tool));
    const json::value* type = tool.get_object().if_contains("type");
    if (type == nullptr) return BadField(tool_name + ".type", "is missing");
    RETURN_IF_REFUSED(ReadTypeFunction(*type, tool_name + ".type", "tools"));
    const json::value* function = tool.get_object().if_contains("function");
    if (function == nullptr || !function->is_object())
      return BadField(tool_name + ".function", "must be an object with the function's name and parameters");
    const json::value* function_name = function->get_object().if_contains("name");
    if (function_name == nullptr || !function_name->is_string() || function_name->get_string().empty() ||
        function_name->get_string().size() > kMaxToolNameBytes) {
      return BadField(tool_name + ".function.name", "must be a text of 1 to {} bytes", kMaxToolNameBytes);
    }
    for (const auto& [key, field] : function->get_object()) {
      const std::string field_name = fmt::format("{}.function.{}", tool_name, std::string_view(key.data(), key.size()));
      if (key == "strict") RETURN_IF_REFUSED(CheckOnly(field, field_name, "false"));
      if (key != "name" && key != "description" && key != "parameters" && key != "strict") {
        return UnknownField(field_name);
      }
    }
    const json::value* parameters = function->get_object().if_contains("parameters");
    if (parameters != nullptr && !parameters->is_object() && !parameters->is_null()) {
      return BadField(tool_name + ".function.parameters", "must be a JSON schema, an object, not {}",
                      JsonKindName(*parameters));
    }
    body.tools.push_back(tool);
  }
  return {};
}

ApiStatus ReadTemplateArguments(const json::value& value, std::string_view name, ChatPromptBody& body) {
  if (!value.is_object()) return BadField(name, "must be an object, not {}", JsonKindName(value));
  constexpr std::string_view kOwn[] = {"messages",  "tools",     "documents", "add_generation_prompt",
                                       "bos_token", "eos_token", "unk_token", "pad_token"};
  for (const std::string_view own : kOwn) {
    if (value.get_object().contains(own))
      return BadField(fmt::format("{}.{}", name, own), "is given by the server: it cannot be set here");
  }
  body.chat_template_kwargs = value.get_object();
  return {};
}

constexpr JsonField<ChatPromptBody> kChatPromptFields[] = {
    {"messages", ReadMessages},
    {"tools", ReadTools},
    {"add_generation_prompt", ReadMember<&ChatPromptBody::generation_prompt>},
    {"continue_final_message", ReadMember<&ChatPromptBody::continue_final_message>},
    {"chat_template", nullptr, "null"},
    {"chat_template_kwargs", ReadTemplateArguments},
};

json::object TemplateMessage(const ChatMessage& message) {
  json::object object{{"role", message.role}, {"content", message.content}};
  // Templates ask whether a key is there.
  if (!message.reasoning_content.empty()) object["reasoning_content"] = message.reasoning_content;
  if (!message.tool_call_id.empty()) object["tool_call_id"] = message.tool_call_id;
  if (!message.name.empty()) object["name"] = message.name;
  if (message.tool_calls.empty()) return object;
  json::array& calls = object["tool_calls"].emplace_array();
  for (const ToolCall& call : message.tool_calls) {
    json::object& entry = calls.emplace_back(json::object{{"type", "function"}}).get_object();
    if (!call.id.empty()) entry["id"] = call.id;
    entry["function"] = {{"name", call.name}, {"arguments", call.arguments}};
  }
  return object;
}

}  // namespace

json::object ChatPrompt::TemplateInputs() const {
  json::object inputs = chat_template_kwargs;
  json::array& turns = inputs["messages"].emplace_array();
  for (const ChatMessage& message : messages) turns.push_back(TemplateMessage(message));
  if (!tools.empty()) inputs["tools"] = tools;
  inputs["add_generation_prompt"] = add_generation_prompt;
  return inputs;
}

std::span<const JsonField<ChatPromptBody>> ChatPromptFields() {
  return kChatPromptFields;
}

ApiStatus FinishChatPrompt(ChatPromptBody& body) {
  if (body.messages.empty()) return BadField("messages", "must hold at least one message");
  if (body.continue_final_message && body.generation_prompt.value_or(false)) {
    return BadField("continue_final_message", "and \"add_generation_prompt\" exclude each other: send one of them");
  }
  body.add_generation_prompt = body.generation_prompt.value_or(!body.continue_final_message);
  return {};
}

}  // namespace tenfold::server
