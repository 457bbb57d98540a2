// ChatAnswerParser: takes the text of a chat's answer apart into reasoning, content and calls of tools, as it comes.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "tenfold/server/chat_answer/chat_delta.h"
#include "tenfold/server/chat_answer/reasoning_parser.h"
#include "tenfold/server/chat_answer/tool_call_format.h"
#include "tenfold/server/chat_answer/tool_call_parser.h"

namespace tenfold::server {

// What to look for in one answer.
struct ChatAnswerFormat {
  ReasoningTags reasoning = {};
  bool begins_in_reasoning = false;  // the prompt ends with the first tag
  ToolCallFormat tool_calls = ToolCallFormat::kNone;
  std::set<std::string> tools = {};  // that may be called
  bool one_tool_call = false;        // further calls are dropped
};

class ChatAnswerParser {
 public:
  explicit ChatAnswerParser(const ChatAnswerFormat& format)
      : reasoning_(format.reasoning, format.begins_in_reasoning),
        tool_calls_(format.tool_calls, format.tools),
        one_tool_call_(format.one_tool_call) {}

  // What became certain with `text`, the answer's last when `is_end`.
  ChatDelta Feed(std::string_view text, bool is_end);

  // There are calls in the answer so far, and those that are not dropped are whole: finish_reason says so.
  bool calls_tools() const;

 private:
  ReasoningParser reasoning_;
  ToolCallParser tool_calls_;
  bool one_tool_call_;
};

}  // namespace tenfold::server
