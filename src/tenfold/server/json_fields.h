// Reads JSON objects into structs by a table of fields, so that whatever is not in the table, or not of the type it
// wants, is refused by name.
//
//   constexpr JsonField<Point> kFields[] = {{"x", ReadMember<&Point::x>}, {"unit", nullptr, "\"m\""}};
//   RETURN_IF_REFUSED(ReadFields(object, "", FieldsOf<Point>{point, kFields}));
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/server/api_error.h"

namespace tenfold::server {

// A request body, which must be a JSON object.
ApiResult<json::object> ParseBody(std::string_view body);

// Typed values. `name` is the field's path in the body, for the error. A number must be whole where it has to be.
ApiStatus ReadValue(const json::value& value, std::string_view name, bool& out);
ApiStatus ReadValue(const json::value& value, std::string_view name, int& out);
ApiStatus ReadValue(const json::value& value, std::string_view name, int64_t& out);
ApiStatus ReadValue(const json::value& value, std::string_view name, double& out);
ApiStatus ReadValue(const json::value& value, std::string_view name, std::string& out);

template <class T>
ApiStatus ReadValue(const json::value& value, std::string_view name, std::optional<T>& out) {
  return ReadValue(value, name, out.emplace());
}

template <class T>
ApiStatus ReadValue(const json::value& value, std::string_view name, std::vector<T>& out) {
  if (!value.is_array()) return BadField(name, "must be an array, not {}", JsonKindName(value));
  for (const json::value& element : value.get_array()) {
    // The element's name is only built for an error: a prompt may be a hundred thousand ids.
    if (ReadValue(element, name, out.emplace_back())) continue;
    return ReadValue(element, fmt::format("{}[{}]", name, out.size() - 1), out.back());
  }
  return {};
}

// One field that an object of kind T may have. An explicit null is as good as no field.
template <class T>
struct JsonField {
  std::string_view name;
  ApiStatus (*read)(const json::value& value, std::string_view name, T& out);
  // JSON text. When set, `read` is not used: the field is known, but this is the only value that can be served.
  std::string_view only = {};
};

// For fields that change nothing about the answer.
template <class T>
ApiStatus Ignore(const json::value&, std::string_view, T&) {
  return {};
}

template <auto Member, class T>
ApiStatus ReadMember(const json::value& value, std::string_view name, T& out) {
  return ReadValue(value, name, out.*Member);
}

// Refuses a value other than the one of `only`.
ApiStatus CheckOnly(const json::value& value, std::string_view name, std::string_view only);
// The refusal of a field that no table has.
tl::unexpected<ApiError> UnknownField(std::string_view name);

// A table and the struct that its fields go into.
template <class T>
struct FieldsOf {
  T& out;
  std::span<const JsonField<T>> fields;

  // Reads the field if the table has it; the error is none if it does not.
  std::optional<ApiStatus> Read(std::string_view key, std::string_view name, const json::value& value) const {
    for (const JsonField<T>& field : fields) {
      if (key != field.name) continue;
      if (value.is_null()) return ApiStatus();
      return field.only.empty() ? field.read(value, name, out) : CheckOnly(value, name, field.only);
    }
    return std::nullopt;
  }
};

// Fills the structs from `object`, whose fields each stand in one of the tables. `prefix` is the object's own path with
// a dot, empty for the body.
template <class... T>
ApiStatus ReadFields(const json::object& object, std::string_view prefix, FieldsOf<T>... tables) {
  for (const auto& [key, value] : object) {
    const std::string_view key_text(key.data(), key.size());
    const std::string name = fmt::format("{}{}", prefix, key_text);
    std::optional<ApiStatus> read;
    ((read = tables.Read(key_text, name, value)) || ...);
    if (!read) return UnknownField(name);
    RETURN_IF_REFUSED(*read);
  }
  return {};
}

}  // namespace tenfold::server
