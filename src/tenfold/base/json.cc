#include "tenfold/base/json.h"

#include <cmath>

namespace tenfold {
namespace {

const json::value* Find(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

tl::unexpected<Error> WrongKind(std::string_view what, std::string_view key, std::string_view wanted,
                                const json::value& got) {
  return MakeError(ErrorCode::kInvalidArgument, "{}: \"{}\" must be {}, not {}", what, key, wanted, JsonKindName(got));
}

}  // namespace

std::string_view JsonKindName(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
  }
  return "unknown";
}

Result<json::value> ParseJson(std::string_view text, std::string_view what, size_t max_depth) {
  json::parse_options options;
  options.max_depth = max_depth;
  try {
    json::error_code error;
    json::stream_parser parser({}, options);
    size_t consumed = parser.write_some(text.data(), text.size(), error);
    if (!error) {
      while (consumed < text.size() && std::string_view(" \t\r\n").find(text[consumed]) != std::string_view::npos) {
        ++consumed;
      }
      if (consumed < text.size()) {
        return MakeError(ErrorCode::kInvalidArgument, "{}: extra text after the JSON value at byte {}", what, consumed);
      }
      parser.finish(error);
    }
    if (error) {
      return MakeError(ErrorCode::kInvalidArgument, "{}: not valid JSON near byte {}: {}", what, consumed,
                       error.message());
    }
    return parser.release();
  } catch (const std::exception& exception) {  // out of memory
    return MakeError(ErrorCode::kResourceExhausted, "{}: JSON could not be parsed: {}", what, exception.what());
  }
}

Result<std::optional<int64_t>> GetInt(const json::object& object, std::string_view key, std::string_view what) {
  const json::value* value = Find(object, key);
  if (value == nullptr) return std::nullopt;
  if (value->is_int64()) return value->get_int64();
  if (value->is_double() && std::floor(value->get_double()) == value->get_double() &&
      std::abs(value->get_double()) < 9.0e15) {
    return static_cast<int64_t>(value->get_double());
  }
  return WrongKind(what, key, "a whole number", *value);
}

Result<std::optional<double>> GetNumber(const json::object& object, std::string_view key, std::string_view what) {
  const json::value* value = Find(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) return WrongKind(what, key, "a number", *value);
  return value->to_number<double>();
}

Result<std::optional<bool>> GetBool(const json::object& object, std::string_view key, std::string_view what) {
  const json::value* value = Find(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) return WrongKind(what, key, "true or false", *value);
  return value->get_bool();
}

Result<std::optional<std::string>> GetString(const json::object& object, std::string_view key, std::string_view what) {
  const json::value* value = Find(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return WrongKind(what, key, "a string", *value);
  return std::string(value->get_string());
}

}  // namespace tenfold
