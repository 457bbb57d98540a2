// ReasoningParser: splits what a model thinks, at the beginning of its answer between two tags, from what it says.
//
//   <think>\n2 and 2 is 4.\n</think>\n\nFour.    ->    reasoning "2 and 2 is 4.", content "Four."
//
// White space around the tags goes. Wherever the pieces are cut, the sum of what comes out is the same.
#pragma once

#include <string>
#include <string_view>

#include "tenfold/server/chat_answer/chat_delta.h"
#include "tenfold/server/chat_answer/held_text.h"

namespace tenfold::server {

struct ReasoningTags {
  std::string_view begin;
  std::string_view end;

  bool known() const { return !end.empty(); }
};

// The tags that a chat template writes, or none.
ReasoningTags FindReasoningTags(std::string_view chat_template);

class ReasoningParser {
 public:
  // Without tags, all is content. `begins_inside`: the prompt already ends with the first tag.
  ReasoningParser(ReasoningTags tags, bool begins_inside);

  // Appends what became certain, to reasoning and content only.
  void Feed(std::string_view text, ChatDelta& out);
  // The answer has ended: what was kept back comes out.
  void Finish(ChatDelta& out);

 private:
  enum class State { kBefore, kAtBegin, kBehindBegin, kInside, kBehindEnd, kContent };

  // One move; false when more text is needed.
  bool Advance(ChatDelta& out);

  ReasoningTags tags_;
  State state_;
  HeldText held_;
};

}  // namespace tenfold::server
