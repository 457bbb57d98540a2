// Filters on single values: defaults, numbers, attributes, JSON.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/builtin_tables.h"
#include "tenfold/tokenizer/jinja/characters.h"
#include "tenfold/tokenizer/jinja/json_text.h"
#include "tenfold/tokenizer/jinja/operators.h"
#include "tenfold/tokenizer/jinja/print.h"
#include "tenfold/tokenizer/jinja/text_functions.h"

namespace tenfold::tokenizer::jinja {
namespace {

Result<Value> FilterDefault(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"default_value", "boolean"}));
  const bool replaces = call.self.IsUndefined() || (IsTrue(arguments[1]) && !IsTrue(call.self));
  if (!replaces) return call.self;
  return arguments[0].IsUndefined() ? call.workspace.NewText("") : arguments[0];
}

// What the whole text spells; "_" may stand between digits.
template <class Number, class... Base>
std::optional<Number> Spelled(const Text& text, Base... base) {
  std::string digits = text.bytes();
  std::erase(digits, '_');
  const char* begin = digits.data() + (digits.starts_with('+') ? 1 : 0);
  const char* end = digits.data() + digits.size();
  Number number{};
  const auto parsed = std::from_chars(begin, end, number, base...);
  if (begin == end || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

std::optional<int64_t> Truncated(double number) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (!(number >= -kLimit && number < kLimit)) return std::nullopt;
  return static_cast<int64_t>(number);
}

Result<Value> FilterInt(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"default", "base"}));
  ASSIGN_OR_RETURN(const int64_t base, call.Integer(arguments[1], 10));
  if (base < 2 || base > 36) return call.Fail("base must be between 2 and 36, not {}", base);
  if (call.self.IsUndefined()) return call.Fail("needs a value, not undefined");
  std::optional<int64_t> result = ToInteger(call.self);
  if (call.self.If<double>() != nullptr) result = Truncated(*call.self.If<double>());
  if (const Text* text = call.self.text()) {
    ASSIGN_OR_RETURN(const Text trimmed, Trim(call.workspace, *text, Side::kBoth));
    RETURN_IF_ERROR(call.workspace.SpendReading(text->size_bytes()));
    result = Spelled<int64_t>(trimmed, static_cast<int>(base));
    if (!result) {
      if (const auto number = Spelled<double>(trimmed)) result = Truncated(*number);
    }
  }
  if (result) return Value(*result, call.self.is_input() || (call.self.text() && call.self.text()->HasInput()));
  return arguments[0].IsUndefined() ? Value(int64_t{0}) : arguments[0];
}

Result<Value> FilterFloat(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"default"}));
  if (call.self.IsUndefined()) return call.Fail("needs a value, not undefined");
  if (call.self.IsNumber()) return Value(ToDouble(call.self), call.self.is_input());
  if (const Text* text = call.self.text()) {
    ASSIGN_OR_RETURN(const Text trimmed, Trim(call.workspace, *text, Side::kBoth));
    RETURN_IF_ERROR(call.workspace.SpendReading(text->size_bytes()));
    if (const auto number = Spelled<double>(trimmed)) return Value(*number, text->HasInput());
  }
  return arguments[0].IsUndefined() ? Value(0.0) : arguments[0];
}

Result<Value> FilterAbs(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  if (!call.self.IsNumber()) return call.Fail("needs a number, not {}", KindName(call.self));
  if (call.self.If<double>()) return Value(std::abs(*call.self.If<double>()), call.self.is_input());
  const Value integer(*ToInteger(call.self), call.self.is_input());
  return *integer.If<int64_t>() < 0 ? Negate(integer) : integer;
}

// To the nearest decimal of `precision` digits, halves to the even one of exact values, as Python rounds.
double RoundCommon(double number, int64_t precision) {
  if (!std::isfinite(number)) return number;
  if (precision < 0) {
    const double scale = std::pow(10.0, static_cast<double>(-precision));
    return std::isfinite(scale) ? std::nearbyint(number / scale) * scale : 0.0;
  }
  constexpr int64_t kAllDigits = 340;
  const std::string digits = fmt::format("{:.{}f}", number, std::min(precision, kAllDigits));
  double rounded = number;
  std::from_chars(digits.data(), digits.data() + digits.size(), rounded);
  return rounded;
}

Result<Value> FilterRound(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"precision", "method"}));
  if (!call.self.IsNumber()) return call.Fail("needs a number, not {}", KindName(call.self));
  ASSIGN_OR_RETURN(const int64_t precision, call.Integer(arguments[0], 0));
  const std::string_view method = arguments[1].text() == nullptr ? "common" : arguments[1].text()->view();
  const bool is_input = call.self.is_input();
  if (method == "common") {
    const auto integer = ToInteger(call.self);
    if (integer && precision >= 0) return Value(*integer, is_input);
    const double rounded = RoundCommon(ToDouble(call.self), precision);
    const auto whole = integer ? Truncated(rounded) : std::nullopt;
    return whole ? Value(*whole, is_input) : Value(rounded, is_input);
  }
  if (method != "ceil" && method != "floor")
    return call.Fail("the methods are common, ceil and floor, not '{}'", method);
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = ToDouble(call.self) * scale;
  return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale, is_input);
}

Result<Value> FilterLength(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  ASSIGN_OR_RETURN(const int64_t length, Length(call.workspace, call.self));
  return Value(length);
}

bool IsWordCharacter(std::string_view character) {
  return character == "_" || IsAlpha(character) || IsDigit(character);
}

Result<Value> FilterWordCount(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  RETURN_IF_ERROR(call.workspace.SpendCharacters(text->size_bytes()));
  int64_t count = 0;
  bool in_word = false;
  for (std::string_view rest = text->view(); !rest.empty(); rest.remove_prefix(FirstCharacterBytes(rest))) {
    const bool was_in_word = std::exchange(in_word, IsWordCharacter(rest.substr(0, FirstCharacterBytes(rest))));
    if (in_word && !was_in_word) ++count;
  }
  return Value(count);
}

Result<Value> FilterAttr(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"name"}, 1));
  ASSIGN_OR_RETURN(const Text* name, call.Printed(arguments[0]));
  return GetAttribute(call.workspace, call.self, Value(name));
}

Result<Value> FilterToJson(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<4>({"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonStyle style;
  // The only positional argument that templates give is Jinja's own: the indent.
  Value indent = arguments[1];
  Value ensure_ascii = arguments[0];
  if (call.arguments.positional.size() == 1 && ensure_ascii.If<int64_t>() != nullptr) std::swap(indent, ensure_ascii);
  style.ensure_ascii = IsTrue(ensure_ascii);
  style.sort_keys = IsTrue(arguments[3]);
  if (indent.text() != nullptr) {
    style.indent = indent.text()->bytes();
  } else if (!indent.IsUndefined() && !indent.IsNone()) {
    ASSIGN_OR_RETURN(const int64_t width, call.Integer(indent, 0));
    constexpr int64_t kWidest = 1000;
    if (width > kWidest) return call.Fail("an indent has at most {} characters", kWidest);
    style.indent = std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  if (style.indent) style.item_separator = ',';
  if (const std::vector<Value>* separators = arguments[2].items()) {
    if (separators->size() != 2) return call.Fail("separators are two strings, not {}", separators->size());
    ASSIGN_OR_RETURN(const Text* item_separator, call.String((*separators)[0]));
    ASSIGN_OR_RETURN(const Text* key_separator, call.String((*separators)[1]));
    style.item_separator = item_separator->bytes();
    style.key_separator = key_separator->bytes();
  }
  ASSIGN_OR_RETURN(Text text, ToJson(call.workspace, call.self, style));
  return call.workspace.NewText(std::move(text));
}

constexpr BuiltinRow kRows[] = {
    {"abs", FilterAbs},       {"attr", FilterAttr},           {"count", FilterLength},
    {"d", FilterDefault},     {"default", FilterDefault},     {"float", FilterFloat},
    {"int", FilterInt},       {"length", FilterLength},       {"round", FilterRound},
    {"tojson", FilterToJson}, {"wordcount", FilterWordCount},
};

}  // namespace

std::span<const BuiltinRow> ScalarFilters() {
  return kRows;
}

}  // namespace tenfold::tokenizer::jinja
