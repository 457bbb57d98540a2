#include "tenfold/server/chat_answer/tool_call_format.h"

#include <algorithm>
#include <string>

namespace tenfold::server {

std::optional<ToolCallFormat> ToolCallFormatOf(std::string_view name) {
  const auto found = std::find(kToolCallFormatNames.begin(), kToolCallFormatNames.end(), name);
  if (found == kToolCallFormatNames.end()) return std::nullopt;
  return static_cast<ToolCallFormat>(found - kToolCallFormatNames.begin());
}

ToolCallFormat FindToolCallFormat(std::string_view chat_template) {
  const auto says = [&](std::string_view text) { return chat_template.find(text) != std::string_view::npos; };
  // Others write tags of their own into Hermes' tags.
  if (says("<function=") || says("<arg_key>")) return ToolCallFormat::kNone;
  if (says("<tool_call>")) return ToolCallFormat::kHermes;
  if (says("[TOOL_CALLS]")) return ToolCallFormat::kMistral;
  if (says("<|python_tag|>") || says("\"parameters\": dictionary")) return ToolCallFormat::kLlama3;
  return ToolCallFormat::kNone;
}

std::string_view CallMarker(ToolCallFormat format) {
  switch (format) {
    case ToolCallFormat::kNone:
      return {};
    case ToolCallFormat::kHermes:
      return "<tool_call>";
    case ToolCallFormat::kLlama3:
      return "<|python_tag|>";
    case ToolCallFormat::kMistral:
      return "[TOOL_CALLS]";
  }
  return {};
}

}  // namespace tenfold::server
