#include "tenfold/server/chat_answer/reasoning_parser.h"

namespace tenfold::server {

ReasoningTags FindReasoningTags(std::string_view chat_template) {
  constexpr ReasoningTags kKnown[] = {
      {"<think>", "</think>"},  // DeepSeek, Qwen, SmolLM and most others
      {"[THINK]", "[/THINK]"},  // Mistral
      {"<seed:think>", "</seed:think>"},
  };
  for (const ReasoningTags& tags : kKnown) {
    // The first tag alone may stand in a prompt that makes a model think without saying so.
    if (chat_template.find(tags.end) != std::string_view::npos) return tags;
  }
  return {};
}

ReasoningParser::ReasoningParser(ReasoningTags tags, bool begins_inside)
    : tags_(tags),
      state_(!tags.known()   ? State::kContent
             : begins_inside ? State::kAtBegin
                             : State::kBefore) {}

void ReasoningParser::Feed(std::string_view text, ChatDelta& out) {
  held_.Add(text);
  while (!held_.empty() && Advance(out)) {
  }
}

bool ReasoningParser::Advance(ChatDelta& out) {
  switch (state_) {
    case State::kBefore:
    case State::kAtBegin: {
      // A model may write the tag that its prompt already ends with.
      const HeldText::Match match = held_.TakeMarker(tags_.begin);
      if (match == HeldText::Match::kNotYetKnown) return false;
      state_ = state_ == State::kBefore && match == HeldText::Match::kNo ? State::kContent : State::kBehindBegin;
      return true;
    }
    case State::kBehindBegin:
      held_.DropSpaces();
      if (held_.empty()) return false;
      state_ = State::kInside;
      return true;
    case State::kInside: {
      const HeldText::Place found = held_.Find(tags_.end);
      out.reasoning += held_.text().substr(0, found.begin);
      held_.Drop(found.is_whole ? found.begin + found.size : found.begin);
      if (found.is_whole) state_ = State::kBehindEnd;
      return found.is_whole;
    }
    case State::kBehindEnd:
      held_.DropSpaces();
      if (held_.empty()) return false;
      state_ = State::kContent;
      return true;
    case State::kContent:
      out.content += held_.TakeAll();
      return false;
  }
  return false;
}

void ReasoningParser::Finish(ChatDelta& out) {
  if (state_ == State::kBefore || state_ == State::kContent) {
    out.content += held_.TakeAll();
  } else {
    const std::string rest = held_.TakeAll();
    out.reasoning += rest.substr(0, rest.find_last_not_of(kWhiteSpace) + 1);  // npos + 1 = 0
  }
}

}  // namespace tenfold::server
