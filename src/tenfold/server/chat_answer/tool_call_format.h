// How models write calls of tools into their answers.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace tenfold::server {

enum class ToolCallFormat {
  kNone,     // calls stay text
  kHermes,   // Hermes, Qwen:  text <tool_call>\n{"name": "f", "arguments": {...}}\n</tool_call> ...
  kLlama3,   // Llama 3:       {"name": "f", "parameters": {...}}; {...}     the whole answer, maybe behind
             //                <|python_tag|>
  kMistral,  // Mistral:       text [TOOL_CALLS] [{"name": "f", "arguments": {...}}, ...]
             //                text [TOOL_CALLS]f[ARGS]{...}[TOOL_CALLS]g[CALL_ID]id[ARGS]{...}
};

// vLLM's names of them: "none", "hermes", "llama3_json", "mistral".
inline constexpr std::array<std::string_view, 4> kToolCallFormatNames = {"none", "hermes", "llama3_json", "mistral"};
std::optional<ToolCallFormat> ToolCallFormatOf(std::string_view name);

// The format that a chat template writes earlier calls in.
ToolCallFormat FindToolCallFormat(std::string_view chat_template);

// What stands in front of a call; for Llama it need not.
std::string_view CallMarker(ToolCallFormat format);

}  // namespace tenfold::server
