// CallScanner: reads a call as models write it, {"name": "f", "arguments": {...}}, byte by byte, so that the arguments
// can go out while they are being written.
//
// "parameters" is Llama's word for arguments; other fields are passed over. Arguments come out as the model wrote them:
// nobody knows whether they are valid before they end. A JSON text inside a string, as some models write, is unpacked.
#pragma once

#include <string>
#include <string_view>

#include "tenfold/base/json.h"

namespace tenfold::server {

// Follows a JSON value to its end.
class JsonNesting {
 public:
  // False for a bracket that closes none, or one of the other kind.
  bool Take(char byte);
  // Outside of brackets and strings.
  bool is_outside() const { return open_.empty() && !in_string_; }
  // A bracket or a string has closed, and that was the value.
  bool has_ended() const { return has_ended_ && is_outside(); }

 private:
  std::string open_;  // what closes each open bracket
  bool in_string_ = false;
  bool escaped_ = false;
  bool has_ended_ = false;
};

class CallScanner {
 public:
  // kOpen: more is needed. kDone: the object has ended. kFailed: this is no call.
  enum class Progress { kOpen, kDone, kFailed };

  // Takes the next byte. The name is known before the first byte of arguments comes out.
  Progress Take(char byte);

  const std::string& name() const { return name_; }  // empty until it is known
  // Takes the arguments that are certain.
  std::string TakeArguments();

 private:
  enum class State { kBeforeObject, kBeforeKey, kKey, kBeforeValue, kValue };

  void BeginValue(char byte);
  bool EndValue();

  State state_ = State::kBeforeObject;
  JsonNesting nesting_;  // of the value
  std::string key_;
  bool streams_value_ = false;  // arguments go out as they come
  std::string value_;           // other values, until their end
  std::string name_;
  bool has_arguments_ = false;
  std::string arguments_;  // not yet taken
};

}  // namespace tenfold::server
