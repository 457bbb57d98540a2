#include "tenfold/server/chat_answer/chat_answer_parser.h"

#include <algorithm>
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

bool ChatAnswerParser::calls_tools() const {
  const int num_kept = one_tool_call_ ? std::min(tool_calls_.num_calls(), 1) : tool_calls_.num_calls();
  return num_kept > 0 && tool_calls_.num_whole_calls() >= num_kept;
}

}  // namespace tenfold::server
