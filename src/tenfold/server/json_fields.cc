#include "tenfold/server/json_fields.h"

#include <limits>

namespace tenfold::server {
namespace {

// Deep enough for any request, the schemas of tools included, shallow enough for the parser's stack.
constexpr size_t kMaxJsonDepth = 64;

tl::unexpected<ApiError> WrongKind(const json::value& value, std::string_view name, std::string_view wanted) {
  return BadField(name, "must be {}, not {}", wanted, value.is_number() ? json::serialize(value) : JsonKindName(value));
}

}  // namespace

ApiResult<json::object> ParseBody(std::string_view body) {
  Result<json::value> parsed = ParseJson(body, "request body", kMaxJsonDepth);
  if (!parsed) return tl::unexpected(ApiError{400, parsed.error().message, {}, "invalid_json"});
  if (parsed->is_object()) return std::move(parsed->get_object());
  return tl::unexpected(
      ApiError{400, fmt::format("the request body must be a JSON object, not {}", JsonKindName(*parsed))});
}

ApiStatus ReadValue(const json::value& value, std::string_view name, bool& out) {
  if (!value.is_bool()) return WrongKind(value, name, "true or false");
  out = value.get_bool();
  return {};
}

ApiStatus ReadValue(const json::value& value, std::string_view name, int64_t& out) {
  json::error_code error;
  if (value.is_number()) out = value.to_number<int64_t>(error);  // 3.0 is whole, 3.5 is an error
  if (!value.is_number() || error) return WrongKind(value, name, "a whole number");
  return {};
}

ApiStatus ReadValue(const json::value& value, std::string_view name, int& out) {
  int64_t wide = 0;
  RETURN_IF_REFUSED(ReadValue(value, name, wide));
  if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max()) {
    return BadField(name, "is out of range: {}", wide);
  }
  out = static_cast<int>(wide);
  return {};
}

ApiStatus ReadValue(const json::value& value, std::string_view name, double& out) {
  if (!value.is_number()) return WrongKind(value, name, "a number");
  out = value.to_number<double>();
  return {};
}

ApiStatus ReadValue(const json::value& value, std::string_view name, std::string& out) {
  if (!value.is_string()) return WrongKind(value, name, "a string");
  out = std::string_view(value.get_string());
  return {};
}

ApiStatus CheckOnly(const json::value& value, std::string_view name, std::string_view only) {
  if (value == json::parse(only)) return {};
  return BadField(name, "is not supported by this server yet: leave it out or send {}", only);
}

tl::unexpected<ApiError> UnknownField(std::string_view name) {
  return tl::unexpected(
      ApiError{400, fmt::format("unknown field \"{}\"", name), std::string(name), "unknown_parameter"});
}

}  // namespace tenfold::server
