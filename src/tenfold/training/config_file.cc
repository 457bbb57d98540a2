#include "tenfold/training/config_file.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <system_error>
#include <vector>

#include "tenfold/formats/quoted.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/training/training_keys.h"

namespace tenfold::training {
namespace {

struct Value {
  std::string text;
  bool is_string = false;
};

struct Setting {
  std::string key;
  std::vector<Value> values;
  bool is_array = false;
  int line = 0;
};

bool IsBare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '+' || c == '.';
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& source) : rest_(text), source_(source) {}

  // nullopt at the end of the text.
  Result<std::optional<Setting>> Next() {
    SkipBlank(/*over_lines=*/true);
    if (rest_.empty()) return std::nullopt;
    Setting setting{.key = TakeBare(), .values = {}, .line = line_};
    if (setting.key.empty()) {
      if (rest_.front() == '[') return Fail("tables are not known here: write all keys below each other");
      return Fail("a line should be `key = value`");
    }
    SkipBlank();
    if (!Take('=')) return Fail(fmt::format("`=` should follow {}", setting.key));
    SkipBlank();
    setting.is_array = Take('[');
    if (setting.is_array) {
      RETURN_IF_ERROR(ReadArray(setting));
    } else {
      ASSIGN_OR_RETURN(setting.values.emplace_back(), ReadValue());
    }
    SkipBlank();
    if (!rest_.empty() && rest_.front() != '\n')
      return Fail(fmt::format("there is more after {}'s value", setting.key));
    return setting;
  }

 private:
  Status ReadArray(Setting& setting) {
    for (;;) {
      SkipBlank(/*over_lines=*/true);
      if (Take(']')) return {};
      ASSIGN_OR_RETURN(setting.values.emplace_back(), ReadValue());
      SkipBlank(/*over_lines=*/true);
      if (Take(',')) continue;
      if (!Take(']')) return Fail(fmt::format("the values of {} should end with `]`", setting.key));
      return {};
    }
  }

  Result<Value> ReadValue() {
    if (Take('"')) return ReadString();
    if (Take('\'')) {
      const size_t end = rest_.find_first_of("'\n");
      if (end == std::string_view::npos || rest_[end] == '\n') return Fail("a string has no end");
      Value value{std::string(rest_.substr(0, end)), true};
      rest_.remove_prefix(end + 1);
      return value;
    }
    Value value{TakeBare()};
    if (value.text.empty()) return Fail("a value is missing; strings stand in quotes");
    return value;
  }

  Result<Value> ReadString() {
    constexpr std::string_view kEscapes = "\"\\nrt", kMeant = "\"\\\n\r\t";
    Value value{.text = {}, .is_string = true};
    while (!rest_.empty() && rest_.front() != '\n') {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return value;
      if (c != '\\') {
        value.text += c;
        continue;
      }
      const size_t escape = rest_.empty() ? std::string_view::npos : kEscapes.find(rest_.front());
      if (escape == std::string_view::npos) return Fail("a string may escape \\\" \\\\ \\n \\r \\t only");
      value.text += kMeant[escape];
      rest_.remove_prefix(1);
    }
    return Fail("a string has no end");
  }

  // Spaces and comments.
  void SkipBlank(bool over_lines = false) {
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == '#') {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (c == ' ' || c == '\t' || c == '\r' || (c == '\n' && over_lines)) {
        line_ += c == '\n';
        rest_.remove_prefix(1);
      } else {
        return;
      }
    }
  }

  std::string TakeBare() {
    const auto end = std::ranges::find_if_not(rest_, IsBare);
    const std::string taken(rest_.begin(), end);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  tl::unexpected<Error> Fail(std::string_view what) const {
    return MakeError(ErrorCode::kInvalidArgument, "{}: line {}: {}", source_, line_, what);
  }

  std::string_view rest_;
  const std::string& source_;
  int line_ = 1;
};

// Each returns what the value should have been, or null.
template <class Number>
const char* SetNumber(const Setting& setting, Number& number, const char* expected) {
  if (setting.is_array || setting.values[0].is_string) return expected;
  std::string digits = setting.values[0].text;  // TOML allows 1_000
  std::erase(digits, '_');
  Number parsed{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed);
  if (error != std::errc() || end != digits.data() + digits.size()) return expected;
  number = parsed;
  return nullptr;
}
const char* Set(const Setting& setting, int64_t& value) {
  return SetNumber(setting, value, "a whole number");
}
const char* Set(const Setting& setting, uint64_t& value) {
  return SetNumber(setting, value, "a whole number, 0 or more");
}
const char* Set(const Setting& setting, double& value) {
  return SetNumber(setting, value, "a number");
}
const char* Set(const Setting& setting, bool& value) {
  const Value& given = setting.values.empty() ? Value{} : setting.values[0];
  if (setting.is_array || given.is_string || (given.text != "true" && given.text != "false")) return "true or false";
  value = given.text == "true";
  return nullptr;
}
const char* Set(const Setting& setting, std::string& value) {
  if (setting.is_array || !setting.values[0].is_string) return "a string in quotes";
  value = setting.values[0].text;
  return nullptr;
}
const char* Set(const Setting& setting, std::vector<std::string>& value) {
  value.clear();
  for (const Value& each : setting.values) {
    if (!each.is_string) return "a string in quotes, or several in [ ]";
    value.push_back(each.text);
  }
  return nullptr;
}

std::string ShownValue(const Setting& setting) {
  if (setting.is_array) return "an array";
  return setting.values[0].is_string ? formats::Quoted(setting.values[0].text) : setting.values[0].text;
}

}  // namespace

Status ApplyConfigText(std::string_view text, const std::string& source, TrainingConfig& config) {
  Reader reader(text, source);
  std::set<std::string> seen;
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<Setting> setting, reader.Next());
    if (!setting) return {};
    if (!seen.insert(setting->key).second) {
      return MakeError(ErrorCode::kInvalidArgument, "{}: line {}: {} stands here a second time", source, setting->line,
                       setting->key);
    }
    bool is_known = false;
    const char* expected = nullptr;
    ForEachKey(config, [&](const char*, const char* key, auto& value, const char*) {
      if (setting->key != key) return;
      is_known = true;
      expected = Set(*setting, value);
    });
    if (!is_known) {
      return MakeError(ErrorCode::kInvalidArgument, "{}: line {}: there is no key {}; `tenfold train --help` lists all",
                       source, setting->line, formats::Quoted(setting->key));
    }
    if (expected != nullptr) {
      return MakeError(ErrorCode::kInvalidArgument, "{}: line {}: {} is {}; it must be {}", source, setting->line,
                       setting->key, ShownValue(*setting), expected);
    }
  }
}

Status ApplyConfigFile(const std::filesystem::path& path, TrainingConfig& config) {
  ASSIGN_OR_RETURN(const std::string text, platform::ReadTextFile(path, size_t{1} << 20));
  return ApplyConfigText(text, path.string(), config);
}

}  // namespace tenfold::training
