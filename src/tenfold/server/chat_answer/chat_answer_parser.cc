#include "tenfold/server/chat_answer/chat_answer_parser.h"

#include <utility>

namespace tenfold::server {

ChatDelta ChatAnswerParser::Feed(std::string_view text, bool is_end) {
  ChatDelta split;
  reasoning_.Feed(text, split);
  if (is_end) reasoning_.Finish(split);
  ChatDelta out{.reasoning = std::move(split.reasoning)};
  tool_calls_.Feed(split.content, out);
  if (is_end) tool_calls_.Finish(out);
  if (one_tool_call_) std::erase_if(out.tool_calls, [](const ToolCallDelta& call) { return call.index > 0; });
  return out;
}

}  // namespace tenfold::server
