// ChatDelta: what a chat's answer gained, taken apart into what clients want to have apart.
#pragma once

#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace tenfold::server {

// The beginning of a call, or more of its arguments.
struct ToolCallDelta {
  int index = 0;               // of the call in the answer
  std::string id = {};         // with the beginning only
  std::string name = {};       // with the beginning only
  std::string arguments = {};  // a piece of a JSON text

  bool begins() const { return !name.empty(); }
};

struct ChatDelta {
  std::string reasoning = {};
  std::string content = {};
  std::vector<ToolCallDelta> tool_calls = {};

  bool empty() const { return reasoning.empty() && content.empty() && tool_calls.empty(); }

  // Pieces of one call join.
  void Append(ChatDelta&& next) {
    reasoning += next.reasoning;
    content += next.content;
    for (ToolCallDelta& call : next.tool_calls) Append(std::move(call));
  }
  void Append(ToolCallDelta&& call) {
    if (call.begins() || tool_calls.empty()) {
      tool_calls.push_back(std::move(call));
    } else {
      tool_calls.back().arguments += call.arguments;
    }
  }
};

}  // namespace tenfold::server
