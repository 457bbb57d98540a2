#include "tenfold/server/chat_answer/call_scanner.h"

#include <utility>

#include "tenfold/server/chat_answer/held_text.h"

namespace tenfold::server {
namespace {

bool IsSpace(char byte) {
  return kWhiteSpace.find(byte) != std::string_view::npos;
}

bool IsArgumentsKey(std::string_view key) {
  return key == "arguments" || key == "parameters";
}

}  // namespace

bool JsonNesting::Take(char byte) {
  if (in_string_) {
    if (!escaped_ && byte == '"') {
      in_string_ = false;
      has_ended_ = true;
    }
    escaped_ = !escaped_ && byte == '\\';
    return true;
  }
  if (byte == '"') in_string_ = true;
  if (byte == '{') open_ += '}';
  if (byte == '[') open_ += ']';
  if (byte != '}' && byte != ']') return true;
  if (open_.empty() || open_.back() != byte) return false;
  open_.pop_back();
  has_ended_ = true;
  return true;
}

CallScanner::Progress CallScanner::Take(char byte) {
  switch (state_) {
    case State::kBeforeObject:
      if (byte == '{') {
        state_ = State::kBeforeKey;
      } else if (!IsSpace(byte)) {
        return Progress::kFailed;
      }
      return Progress::kOpen;
    case State::kBeforeKey:
      if (byte == '}') {
        if (!has_arguments_) arguments_ = "{}";
        return name_.empty() ? Progress::kFailed : Progress::kDone;
      }
      if (byte == '"') {
        key_.clear();
        state_ = State::kKey;
      } else if (byte != ',' && !IsSpace(byte)) {
        return Progress::kFailed;
      }
      return Progress::kOpen;
    case State::kKey:
      if (byte == '"') {
        state_ = State::kBeforeValue;
      } else {
        key_ += byte;
      }
      return Progress::kOpen;
    case State::kBeforeValue:
      if (byte == ':' || IsSpace(byte)) return Progress::kOpen;
      BeginValue(byte);
      [[fallthrough]];
    case State::kValue:
      if (nesting_.is_outside()) {
        if (byte == ',' || byte == '}') {
          state_ = State::kBeforeKey;
          return EndValue() ? Take(byte) : Progress::kFailed;
        }
        if (IsSpace(byte)) return Progress::kOpen;
        if (nesting_.has_ended()) return Progress::kFailed;
      }
      if (!nesting_.Take(byte)) return Progress::kFailed;
      (streams_value_ ? arguments_ : value_) += byte;
      return Progress::kOpen;
  }
  return Progress::kFailed;
}

void CallScanner::BeginValue(char byte) {
  state_ = State::kValue;
  nesting_ = {};
  value_.clear();
  streams_value_ = IsArgumentsKey(key_) && byte == '{' && !has_arguments_;
  has_arguments_ |= streams_value_;
}

// False when a name is none.
bool CallScanner::EndValue() {
  if (streams_value_) return true;
  const bool is_arguments = IsArgumentsKey(key_) && !has_arguments_;
  if (!is_arguments && key_ != "name") return true;
  const Result<json::value> value = ParseJson(value_, "call");
  const json::string* text = value ? value->if_string() : nullptr;
  if (key_ == "name") {
    if (text != nullptr && name_.empty()) name_.assign(text->data(), text->size());
    return text != nullptr;
  }
  if (value && value->is_null()) return true;
  has_arguments_ = true;
  arguments_ = text != nullptr ? std::string(text->data(), text->size()) : value_;
  return true;
}

std::string CallScanner::TakeArguments() {
  return name_.empty() ? std::string() : std::exchange(arguments_, {});
}

}  // namespace tenfold::server
