// JSON through Boost.JSON: insertion order kept, depth limited, errors as Result instead of exceptions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "tenfold/base/result.h"

namespace tenfold {

namespace json = boost::json;

// Parses one document of at most `max_depth` nested levels. `what` names the source in the error ("request body").
Result<json::value> ParseJson(std::string_view text, std::string_view what, size_t max_depth = 64);

// Typed look-ups. `what` names the object in errors ("config.json"). A missing key or an explicit null gives nullopt; a
// value of another type, a number that is not whole, or one out of range is an error that names the key.
Result<std::optional<int64_t>> GetInt(const json::object& object, std::string_view key, std::string_view what);
Result<std::optional<double>> GetNumber(const json::object& object, std::string_view key, std::string_view what);
Result<std::optional<bool>> GetBool(const json::object& object, std::string_view key, std::string_view what);
Result<std::optional<std::string>> GetString(const json::object& object, std::string_view key, std::string_view what);

// Names a value's kind for error messages: "string", "number", ...
std::string_view JsonKindName(const json::value& value);

}  // namespace tenfold
