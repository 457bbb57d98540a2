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

// How deep a byte stands in a JSON text.
class JsonNesting {
 public:
  void Take(char byte);
  int depth() const { return depth_; }  // of brackets and braces
  bool in_string() const { return in_string_; }

 private:
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
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
