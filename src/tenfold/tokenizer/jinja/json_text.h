// JSON at the two ends of a rendering: inputs become values, and the filter tojson writes values as Python's json does.
#pragma once

#include <optional>
#include <string>

#include "tenfold/base/json.h"
#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/text.h"
#include "tenfold/tokenizer/jinja/value.h"
#include "tenfold/tokenizer/jinja/workspace.h"

namespace tenfold::tokenizer::jinja {

// A copy of `value` in the workspace; all of it is marked as input or none. Whole numbers beyond 64 bits with sign
// become floats. Errors: kResourceExhausted.
Result<Value> FromJson(Workspace& workspace, const json::value& value, bool is_input);

// The arguments of json.dumps.
struct JsonStyle {
  std::optional<std::string> indent;  // what a level adds to a line; without it all is one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool ensure_ascii = false;
  bool sort_keys = false;
};

// Errors: kInvalidArgument for undefined, generators and other objects, which JSON does not know; kResourceExhausted.
Result<Text> ToJson(Workspace& workspace, const Value& value, const JsonStyle& style);

}  // namespace tenfold::tokenizer::jinja
