#include "tenfold/training/training_keys.h"

#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace tenfold::training {
namespace {

std::string TomlValue(bool value) {
  return value ? "true" : "false";
}
std::string TomlValue(int64_t value) {
  return fmt::format("{}", value);
}
std::string TomlValue(uint64_t value) {
  return fmt::format("{}", value);
}
// As many digits as it takes to read the same number again.
std::string TomlValue(double value) {
  return fmt::format("{}", value);
}

// Between the quotes in which it needs no escapes, where there are such.
std::string TomlValue(std::string_view value) {
  const bool is_plain = value.find_first_of("\"\\\n\r\t") == std::string_view::npos;
  if (is_plain) return fmt::format("\"{}\"", value);
  if (value.find_first_of("'\n\r\t") == std::string_view::npos) return fmt::format("'{}'", value);
  std::string escaped;
  for (const char c : value) {
    switch (c) {
      case '\n':
        escaped += "\\n";
        break;
      case '\r':
        escaped += "\\r";
        break;
      case '\t':
        escaped += "\\t";
        break;
      default:
        if (c == '"' || c == '\\') escaped += '\\';
        escaped += c;
    }
  }
  return fmt::format("\"{}\"", escaped);
}

std::string TomlValue(const std::vector<std::string>& values) {
  std::string list;
  for (const std::string& value : values) list += (list.empty() ? "" : ", ") + TomlValue(value);
  return fmt::format("[{}]", list);
}

}  // namespace

std::string ToToml(const TrainingConfig& config) {
  std::string text;
  std::string_view last_group;
  ForEachKey(config, [&](const char* group, const char* key, const auto& value, const char*) {
    if (last_group != group) text += fmt::format("{}# {}\n", text.empty() ? "" : "\n", group);
    last_group = group;
    text += fmt::format("{} = {}\n", key, TomlValue(value));
  });
  return text;
}

}  // namespace tenfold::training
