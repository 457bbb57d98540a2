#include "tenfold/tokenizer/jinja/string_format.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tenfold/tokenizer/jinja/characters.h"
#include "tenfold/tokenizer/jinja/print.h"
#include "tenfold/tokenizer/jinja/text_functions.h"

namespace tenfold::tokenizer::jinja {
namespace {

// How one value is written.
struct FieldStyle {
  std::string fill = " ";
  char align = 0;  // '<', '>', '^', or '=' (between sign and digits); 0: the type's own
  char sign = 0;   // '+' and ' ' before what is not negative
  int64_t width = 0;
  int64_t precision = -1;
  char type = 0;  // 0: str() of strings, numbers as they are
};

constexpr int64_t kMaxPrecision = 100;  // of floats; the longest double has 767 digits, nobody prints them

Result<std::string> WriteNumber(const Value& value, const FieldStyle& style) {
  const bool is_float_type = std::string_view("fFeEgG").find(style.type) != std::string_view::npos;
  if (is_float_type || (style.type == 0 && value.If<double>() != nullptr && style.precision >= 0)) {
    const int precision = static_cast<int>(std::min(style.precision < 0 ? 6 : style.precision, kMaxPrecision));
    const double number = ToDouble(value);
    switch (style.type) {
      case 'e':
        return fmt::format("{:.{}e}", number, precision);
      case 'E':
        return fmt::format("{:.{}E}", number, precision);
      case 'g':
      case 0:
        return fmt::format("{:.{}g}", number, std::max(precision, 1));
      case 'G':
        return fmt::format("{:.{}G}", number, std::max(precision, 1));
      default:
        return fmt::format("{:.{}f}", number, precision);
    }
  }
  if (value.If<double>() != nullptr && style.type == 0) return PrintFloat(*value.If<double>());
  const double* number = value.If<double>();
  if (number != nullptr && !(*number > -9.2e18 && *number < 9.2e18)) {
    return MakeError(ErrorCode::kInvalidArgument, "{} does not fit an integer of 64 bits", *number);
  }
  const int64_t integer = number != nullptr ? static_cast<int64_t>(*number) : *ToInteger(value);
  switch (style.type) {
    case 'x':
      return fmt::format("{:x}", integer);
    case 'X':
      return fmt::format("{:X}", integer);
    case 'o':
      return fmt::format("{:o}", integer);
    case 'b':
      return fmt::format("{:b}", integer);
    default:
      return fmt::format("{}", integer);
  }
}

Result<Text> FormatField(Workspace& workspace, const Value& value, const FieldStyle& style) {
  Text text;
  char align = style.align == 0 ? '<' : style.align;
  const bool is_text = style.type == 's' || style.type == 'r' || (style.type == 0 && !value.IsNumber()) ||
                       (style.type == 0 && value.If<bool>() != nullptr);
  if (is_text) {
    RETURN_IF_ERROR(style.type == 'r' ? PrintRepr(workspace, value, text) : Print(workspace, value, text));
    if (style.precision >= 0) {
      text = text.Slice(0, ByteOfCharacter(text.view(), static_cast<size_t>(style.precision)));
    }
  } else if (style.type == 'c') {
    const auto code = ToInteger(value);
    if (!code && value.text() == nullptr) {
      return MakeError(ErrorCode::kInvalidArgument, "a character is formatted from its number, not from {}",
                       KindName(value));
    }
    if (code)
      text.Append(EncodeCharacter(static_cast<char32_t>(std::clamp<int64_t>(*code, 0, 0x110000))), value.is_input());
    if (!code) text.Append(*value.text());
  } else {
    if (!value.IsNumber()) {
      return MakeError(ErrorCode::kInvalidArgument, "'{}' formats numbers, not {}", style.type, KindName(value));
    }
    ASSIGN_OR_RETURN(std::string number, WriteNumber(value, style));
    if (style.sign != 0 && number[0] != '-') number.insert(0, 1, style.sign);
    if (style.align == 0) align = '>';
    if (align == '=' || (style.fill == "0" && style.align == 0)) {
      const bool has_sign = std::string_view("+- ").find(number[0]) != std::string_view::npos;
      if (has_sign) text.Append(number.substr(0, 1), value.is_input());
      const int64_t width = style.width - (has_sign ? 1 : 0);
      ASSIGN_OR_RETURN(const Text digits, Pad(workspace, Text(number.substr(has_sign ? 1 : 0), value.is_input()), width,
                                              Text(style.fill), Side::kLeft));
      text.Append(digits);
      return text;
    }
    text.Append(number, value.is_input());
  }
  const Side fill_side = align == '>' || align == '=' ? Side::kLeft : align == '^' ? Side::kBoth : Side::kRight;
  return Pad(workspace, text, style.width, Text(style.fill), fill_side);
}

// Reads the digits at the beginning of `text` away; -1 when there are none.
Result<int64_t> ReadNumber(std::string_view& text) {
  constexpr int64_t kMax = 1'000'000'000;
  int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ptr == text.data() || text[0] == '-') return -1;
  if (parsed.ec != std::errc() || number > kMax) {
    return MakeError(ErrorCode::kInvalidArgument, "a number in this format is too large");
  }
  text.remove_prefix(static_cast<size_t>(parsed.ptr - text.data()));
  return number;
}

char ReadOneOf(std::string_view& text, std::string_view characters) {
  if (text.empty() || characters.find(text[0]) == std::string_view::npos) return 0;
  const char found = text[0];
  text.remove_prefix(1);
  return found;
}

Result<FieldStyle> ReadBraceStyle(std::string_view text) {
  FieldStyle style;
  constexpr std::string_view kAligns = "<>^=";
  const size_t first = text.empty() ? 0 : FirstCharacterBytes(text);
  if (text.size() > first && kAligns.find(text[first]) != std::string_view::npos) {
    style.fill = text.substr(0, first);
    text.remove_prefix(first);
  }
  style.align = ReadOneOf(text, kAligns);
  style.sign = ReadOneOf(text, "+- ");
  if (style.sign == '-') style.sign = 0;
  if (ReadOneOf(text, "0") != 0 && style.align == 0) {
    style.fill = "0";
    style.align = '=';
  }
  ASSIGN_OR_RETURN(const int64_t width, ReadNumber(text));
  style.width = std::max<int64_t>(width, 0);
  if (ReadOneOf(text, ".") != 0) {
    ASSIGN_OR_RETURN(style.precision, ReadNumber(text));
  }
  style.type = ReadOneOf(text, "sdfFeEgGxXobc");
  if (!text.empty()) return MakeError(ErrorCode::kUnsupported, "the format '{}' is not supported", text);
  return style;
}

const Value* FindNamed(const Arguments& arguments, std::string_view name) {
  for (const auto& [key, value] : arguments.named) {
    if (key->view() == name) return &value;
  }
  return nullptr;
}

const Value* FindPositional(const Arguments& arguments, size_t index) {
  return index < arguments.positional.size() ? &arguments.positional[index] : nullptr;
}

}  // namespace

Result<Text> FormatPercent(Workspace& workspace, const Text& format, const Arguments& arguments) {
  Text result;
  size_t next_argument = 0;
  bool uses_names = false;
  const std::string_view bytes = format.view();
  RETURN_IF_ERROR(workspace.SpendReading(bytes.size()));
  for (size_t at = 0; at < bytes.size();) {
    const size_t percent = std::min(bytes.find('%', at), bytes.size());
    result.AppendSlice(format, at, percent);
    RETURN_IF_ERROR(workspace.CheckRoom(result.cost_bytes()));
    RETURN_IF_ERROR(workspace.Spend(1 + arguments.named.size() / 8));  // names are looked for one by one
    if (percent == bytes.size()) break;
    std::string_view rest = bytes.substr(percent + 1);
    const Value* value = nullptr;
    std::string_view name;
    if (rest.starts_with('(')) {
      const size_t end = rest.find(')');
      if (end == std::string_view::npos) return MakeError(ErrorCode::kInvalidArgument, "'%(' needs a ')'");
      name = rest.substr(1, end - 1);
      value = FindNamed(arguments, name);
      uses_names = true;
      rest.remove_prefix(end + 1);
    }
    FieldStyle style{.align = '>'};
    for (char flag = ReadOneOf(rest, "-+ 0#"); flag != 0; flag = ReadOneOf(rest, "-+ 0#")) {
      if (flag == '-') style.align = '<';
      if (flag == '+' || flag == ' ') style.sign = flag;
      if (flag == '0' && style.align != '<') style.align = '=';
    }
    ASSIGN_OR_RETURN(const int64_t width, ReadNumber(rest));
    style.width = std::max<int64_t>(width, 0);
    if (ReadOneOf(rest, ".") != 0) {
      ASSIGN_OR_RETURN(const int64_t precision, ReadNumber(rest));
      style.precision = std::max<int64_t>(precision, 0);
    }
    style.type = ReadOneOf(rest, "srdifFeEgGxXoc%");
    if (style.type == 0) {
      return MakeError(ErrorCode::kUnsupported, "the format '%{}' is not supported", bytes.substr(percent + 1, 8));
    }
    at = bytes.size() - rest.size();
    if (style.type == '%') {
      result.AppendSlice(format, percent, percent + 1);
      continue;
    }
    if (style.align == '=' && style.type != 's' && style.type != 'r' && style.type != 'c') style.fill = "0";
    if (style.type == 'i') style.type = 'd';
    if (name.empty()) value = FindPositional(arguments, next_argument++);
    if (value == nullptr) return MakeError(ErrorCode::kInvalidArgument, "the format has more fields than arguments");
    ASSIGN_OR_RETURN(const Text field, FormatField(workspace, *value, style));
    result.Append(field);
  }
  if (!uses_names && next_argument < arguments.positional.size()) {
    return MakeError(ErrorCode::kInvalidArgument, "the format has fewer fields than arguments");
  }
  return result;
}

Result<Text> FormatBraces(Workspace& workspace, const Text& format, const Arguments& arguments) {
  Text result;
  size_t next_argument = 0;
  const std::string_view bytes = format.view();
  RETURN_IF_ERROR(workspace.SpendReading(bytes.size()));
  for (size_t at = 0; at < bytes.size();) {
    const size_t brace = std::min(bytes.find_first_of("{}", at), bytes.size());
    result.AppendSlice(format, at, brace);
    RETURN_IF_ERROR(workspace.CheckRoom(result.cost_bytes()));
    RETURN_IF_ERROR(workspace.Spend(1 + arguments.named.size() / 8));  // names are looked for one by one
    if (brace == bytes.size()) break;
    if (brace + 1 < bytes.size() && bytes[brace + 1] == bytes[brace]) {
      result.AppendSlice(format, brace, brace + 1);
      at = brace + 2;
      continue;
    }
    const size_t end = bytes.find('}', brace);
    if (bytes[brace] == '}' || end == std::string_view::npos) {
      return MakeError(ErrorCode::kInvalidArgument, "a single '{}' in a format; write it twice", bytes[brace]);
    }
    const std::string_view field = bytes.substr(brace + 1, end - brace - 1);
    const std::string_view name = field.substr(0, field.find(':'));
    std::string_view digits = name;
    ASSIGN_OR_RETURN(const int64_t index, ReadNumber(digits));
    const Value* value = nullptr;
    if (name.find_first_of("!.[{") != std::string_view::npos) {
      return MakeError(ErrorCode::kUnsupported, "the field '{{{}}}' is not supported", field);
    }
    if (name.empty()) {
      value = FindPositional(arguments, next_argument++);
    } else if (index >= 0 && digits.empty()) {
      value = FindPositional(arguments, static_cast<size_t>(index));
    } else {
      value = FindNamed(arguments, name);
    }
    if (value == nullptr) return MakeError(ErrorCode::kInvalidArgument, "the field '{{{}}}' has no argument", field);
    ASSIGN_OR_RETURN(const FieldStyle style,
                     ReadBraceStyle(name.size() == field.size() ? "" : field.substr(name.size() + 1)));
    ASSIGN_OR_RETURN(const Text text, FormatField(workspace, *value, style));
    result.Append(text);
    at = end + 1;
  }
  return result;
}

}  // namespace tenfold::tokenizer::jinja
