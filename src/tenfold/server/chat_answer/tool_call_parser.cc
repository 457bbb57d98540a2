#include "tenfold/server/chat_answer/tool_call_parser.h"

#include <cstdint>
#include <random>
#include <utility>

namespace tenfold::server {
namespace {

constexpr std::string_view kHermesEnd = "</tool_call>";
constexpr std::string_view kCallIdMarker = "[CALL_ID]";
constexpr std::string_view kArgumentsMarker = "[ARGS]";
constexpr size_t kMaxNameBytes = 512;  // with the call's id; what is longer is no name

// Mistral's templates want exactly nine letters and digits.
std::string NewCallId(ToolCallFormat format) {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const bool is_short = format == ToolCallFormat::kMistral;
  std::string id = is_short ? "" : "call_";
  std::random_device device;  // slow on some machines: asked twice, not once a letter
  std::mt19937_64 random(uint64_t{device()} << 32 | device());
  std::uniform_int_distribution<size_t> any(0, kAlphabet.size() - 1);
  for (int i = 0; i < (is_short ? 9 : 24); ++i) id += kAlphabet[any(random)];
  return id;
}

}  // namespace

ToolCallParser::ToolCallParser(ToolCallFormat format, std::set<std::string> tools)
    : format_(format), tools_(std::move(tools)) {
  switch (format) {
    case ToolCallFormat::kNone:
      state_ = State::kPlainText;
      break;
    case ToolCallFormat::kLlama3:
      state_ = State::kBegin;
      break;
    case ToolCallFormat::kHermes:
    case ToolCallFormat::kMistral:
      state_ = State::kText;
      break;
  }
}

void ToolCallParser::Feed(std::string_view text, ChatDelta& out) {
  held_.Add(text);
  while (!held_.empty() && Advance(out)) {
  }
}

bool ToolCallParser::Advance(ChatDelta& out) {
  switch (state_) {
    case State::kBegin:
      return AdvanceBegin();
    case State::kText:
      return AdvanceText(out);
    case State::kPlainText:
      AddContent(held_.TakeAll(), out);
      return false;
    case State::kMarker:
      return AdvanceMarker(out);
    case State::kName:
      return AdvanceName(out);
    case State::kCall:
      return AdvanceCall(out);
    case State::kArguments:
      return AdvanceArguments(out);
    case State::kBehindCall:
      return AdvanceBehindCall(out);
    case State::kBehindBroken:
      return AdvanceBehindBroken();
    case State::kBehindLast:
      return AdvanceBehindLast();
  }
  return false;
}

bool ToolCallParser::AdvanceBegin() {
  const HeldText::Match match = held_.TakeMarker(CallMarker(format_));
  if (match == HeldText::Match::kNotYetKnown) return false;
  has_marker_ = match == HeldText::Match::kYes;
  state_ = has_marker_ || Trimmed(held_.text()).starts_with('{') ? State::kMarker : State::kPlainText;
  return true;
}

bool ToolCallParser::AdvanceText(ChatDelta& out) {
  const HeldText::Place found = held_.Find(CallMarker(format_));
  AddContent(held_.text().substr(0, found.begin), out);
  held_.Drop(found.begin);
  if (!found.is_whole) return false;
  if (gap_.empty()) gap_ = held_.text().substr(0, found.size - CallMarker(format_).size());
  Consume(found.size);
  has_marker_ = true;
  call_is_out_ = false;
  state_ = State::kMarker;
  return true;
}

bool ToolCallParser::AdvanceMarker(ChatDelta& out) {
  const size_t begin = held_.text().find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return false;
  Consume(begin);
  const char first = held_.text().front();
  if (first == '{') {
    scanner_ = {};
    call_is_out_ = false;
    state_ = State::kCall;
  } else if (format_ == ToolCallFormat::kMistral) {
    in_array_ = first == '[';
    call_is_out_ = false;
    if (in_array_) Consume(1);
    state_ = in_array_ ? State::kBehindCall : State::kName;
  } else {
    Revert(out);
  }
  return true;
}

bool ToolCallParser::AdvanceName(ChatDelta& out) {
  const size_t arguments = held_.text().find('{');
  if (arguments == std::string_view::npos) {
    if (held_.text().size() <= kMaxNameBytes) return false;
    Revert(out);
    return true;
  }
  std::string_view name = Trimmed(held_.text().substr(0, arguments));
  if (name.ends_with(kArgumentsMarker)) name = Trimmed(name.substr(0, name.size() - kArgumentsMarker.size()));
  std::string_view id;
  if (const size_t found = name.find(kCallIdMarker); found != std::string_view::npos) {
    id = Trimmed(name.substr(found + kCallIdMarker.size()));
    name = Trimmed(name.substr(0, found));
  }
  if (name.empty() || name.find_first_of(kWhiteSpace) != std::string_view::npos) {
    Revert(out);
    return true;
  }
  BeginCall(std::string(id), std::string(name), out);
  held_.Drop(arguments);
  nesting_ = {};
  state_ = State::kArguments;
  return true;
}

bool ToolCallParser::AdvanceCall(ChatDelta& out) {
  CallScanner::Progress progress = CallScanner::Progress::kOpen;
  size_t size = 0;
  // Not beyond the byte that the name is known with: what comes next must not decide whether it goes out.
  const auto may_go_on = [&] { return call_is_out_ || scanner_.name().empty(); };
  while (size < held_.text().size() && progress == CallScanner::Progress::kOpen && may_go_on()) {
    progress = scanner_.Take(held_.text()[size++]);
  }
  Consume(size);
  if (!call_is_out_ && !scanner_.name().empty()) {
    if (!has_marker_ && !tools_.contains(scanner_.name())) progress = CallScanner::Progress::kFailed;
    if (progress != CallScanner::Progress::kFailed) BeginCall({}, scanner_.name(), out);
  }
  if (call_is_out_) {
    consumed_.clear();
    std::string arguments = scanner_.TakeArguments();
    if (!arguments.empty()) out.Append({.index = num_calls_ - 1, .arguments = std::move(arguments)});
  }
  if (progress == CallScanner::Progress::kOpen) return !held_.empty();
  if (progress == CallScanner::Progress::kDone) {
    ++num_whole_calls_;
    state_ = State::kBehindCall;
  } else if (call_is_out_) {
    state_ = State::kBehindBroken;
  } else {
    Revert(out);
  }
  return true;
}

bool ToolCallParser::AdvanceArguments(ChatDelta& out) {
  size_t size = 0;
  bool is_broken = false;
  while (size < held_.text().size() && !nesting_.has_ended() && !is_broken) {
    is_broken = !nesting_.Take(held_.text()[size]);
    size += is_broken ? 0 : 1;
  }
  out.Append({.index = num_calls_ - 1, .arguments = std::string(held_.text().substr(0, size))});
  held_.Drop(size);
  if (!is_broken && !nesting_.has_ended()) return false;
  state_ = is_broken ? State::kBehindBroken : State::kBehindLast;
  num_whole_calls_ += is_broken ? 0 : 1;
  return true;
}

bool ToolCallParser::AdvanceBehindCall(ChatDelta& out) {
  if (format_ == ToolCallFormat::kHermes) {
    // Some models close more than they opened, and some forget the end.
    held_.Drop(std::min(held_.text().find_first_not_of(" \t\r\n}]"), held_.text().size()));
    if (held_.empty()) return false;
    const HeldText::Match match = held_.TakeMarker(kHermesEnd);
    if (match == HeldText::Match::kNotYetKnown) return false;
    state_ = State::kBehindLast;
    return true;
  }
  const bool is_list = format_ == ToolCallFormat::kLlama3 || in_array_;
  const size_t next = held_.text().find_first_not_of(is_list ? " \t\r\n,;" : kWhiteSpace);
  if (next == std::string_view::npos) return false;
  Consume(next);
  const char first = held_.text().front();
  if (is_list && first == '{') {
    scanner_ = {};
    call_is_out_ = false;
    state_ = State::kCall;
    return true;
  }
  if (in_array_ && first != ']' && !call_is_out_) {
    Revert(out);
    return true;
  }
  if (in_array_ && first == ']') Consume(1);
  in_array_ = false;
  state_ = State::kBehindLast;
  return true;
}

bool ToolCallParser::AdvanceBehindBroken() {
  if (format_ != ToolCallFormat::kHermes) {
    held_.TakeAll();
    return false;
  }
  const HeldText::Place end = held_.Find(kHermesEnd);
  held_.Drop(end.is_whole ? end.begin + end.size : end.begin);
  if (end.is_whole) state_ = State::kBehindLast;
  return end.is_whole;
}

bool ToolCallParser::AdvanceBehindLast() {
  consumed_.clear();
  held_.DropSpaces();
  if (held_.empty()) return false;
  state_ = format_ == ToolCallFormat::kLlama3 ? State::kPlainText : State::kText;
  return true;
}

void ToolCallParser::BeginCall(std::string id, std::string name, ChatDelta& out) {
  if (id.empty()) id = NewCallId(format_);
  out.Append({.index = num_calls_++, .id = std::move(id), .name = std::move(name)});
  call_is_out_ = true;
  consumed_.clear();
}

void ToolCallParser::AddContent(std::string_view text, ChatDelta& out) {
  if (text.empty()) return;
  if (has_content_) out.content += gap_;
  gap_.clear();
  out.content += text;
  has_content_ = true;
}

void ToolCallParser::Revert(ChatDelta& out) {
  gap_.clear();  // it is in there
  AddContent(std::exchange(consumed_, {}), out);
  in_array_ = false;
  state_ = format_ == ToolCallFormat::kLlama3 ? State::kPlainText : State::kText;
}

void ToolCallParser::Consume(size_t size) {
  consumed_ += held_.text().substr(0, size);
  held_.Drop(size);
}

void ToolCallParser::Finish(ChatDelta& out) {
  switch (state_) {
    case State::kBegin:
    case State::kText:
    case State::kPlainText:
      AddContent(held_.TakeAll(), out);
      return;
    case State::kMarker:
    case State::kName:
    case State::kCall:
      if (call_is_out_) return;
      Revert(out);
      AddContent(held_.TakeAll(), out);
      return;
    case State::kArguments:
    case State::kBehindCall:
    case State::kBehindBroken:
    case State::kBehindLast:
      return;
  }
}

}  // namespace tenfold::server
