#include "tenfold/tokenizer/jinja/print.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "tenfold/tokenizer/jinja/characters.h"

namespace tenfold::tokenizer::jinja {
namespace {

// Writes one value with everything in it. What stands in an input list is input, its brackets too.
class Printer {
 public:
  Printer(Workspace& workspace, Text& out) : workspace_(workspace), out_(out) {}

  Status Repr(const Value& value, bool in_input, int depth) {
    RETURN_IF_ERROR(workspace_.Spend(1));
    RETURN_IF_ERROR(workspace_.CheckRoom(out_.cost_bytes()));
    const bool is_input = in_input || value.is_input();
    if (value.text() != nullptr) {
      Quote(*value.text(), is_input);
    } else if (value.items() != nullptr) {
      RETURN_IF_ERROR(workspace_.CheckValueDepth(depth));
      const bool is_tuple = value.tuple() != nullptr;
      RETURN_IF_ERROR(Items(*value.items(), is_tuple ? "(" : "[", is_input, depth));
      out_.Append(!is_tuple ? "]" : value.items()->size() == 1 ? ",)" : ")", is_input);
    } else if (value.dict() != nullptr) {
      RETURN_IF_ERROR(workspace_.CheckValueDepth(depth));
      RETURN_IF_ERROR(Entries(*value.dict(), is_input, depth));
    } else if (value.object() != nullptr) {
      RETURN_IF_ERROR(workspace_.CheckValueDepth(depth));
      RETURN_IF_ERROR(PrintObject(*value.object(), is_input, depth));
    } else {
      out_.Append(Scalar(value), is_input);
    }
    return {};
  }

 private:
  static std::string Scalar(const Value& value) {
    if (value.IsUndefined()) return "Undefined";
    if (value.IsNone()) return "None";
    if (const bool* boolean = value.If<bool>()) return *boolean ? "True" : "False";
    if (const double* number = value.If<double>()) return PrintFloat(*number);
    return fmt::format("{}", *value.If<int64_t>());
  }

  Status Items(const std::vector<Value>& items, std::string_view open, bool is_input, int depth) {
    out_.Append(open, is_input);
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.Append(", ", is_input);
      RETURN_IF_ERROR(Repr(items[i], is_input, depth + 1));
    }
    return {};
  }

  Status Entries(const Dict& dict, bool is_input, int depth) {
    out_.Append("{", is_input);
    for (size_t i = 0; i < dict.size(); ++i) {
      if (i > 0) out_.Append(", ", is_input);
      RETURN_IF_ERROR(Repr(dict.entries()[i].first, is_input, depth + 1));
      out_.Append(": ", is_input);
      RETURN_IF_ERROR(Repr(dict.entries()[i].second, is_input, depth + 1));
    }
    out_.Append("}", is_input);
    return {};
  }

  Status PrintObject(Object& object, bool is_input, int depth) {
    const Iterator* iterator = object.AsIterator();
    if (iterator == nullptr || !iterator->is_view()) {
      out_.Append(fmt::format("<{}>", object.TypeName()), is_input);
      return {};
    }
    RETURN_IF_ERROR(Items(iterator->items(), fmt::format("{}([", iterator->TypeName()), is_input, depth));
    out_.Append("])", is_input);
    return {};
  }

  // In single quotes, unless the string has such and no double ones.
  void Quote(const Text& text, bool in_input) {
    const std::string_view bytes = text.view();
    const bool uses_double = bytes.find('\'') != std::string_view::npos && bytes.find('"') == std::string_view::npos;
    const char quote = uses_double ? '"' : '\'';
    const bool is_input = in_input || text.HasInput();
    out_.Append({&quote, 1}, is_input);
    for (size_t at = 0; at < bytes.size();) {
      const std::string_view character = bytes.substr(at, FirstCharacterBytes(bytes.substr(at)));
      out_.Append(Escape(character, quote), in_input || text.IsInput(at));
      at += character.size();
    }
    out_.Append({&quote, 1}, is_input);
  }

  static std::string Escape(std::string_view character, char quote) {
    const char first = character[0];
    if (first == quote || first == '\\') return fmt::format("\\{}", first);
    if (first == '\n') return "\\n";
    if (first == '\r') return "\\r";
    if (first == '\t') return "\\t";
    if (static_cast<unsigned char>(first) < 0x20 || first == 0x7F) return fmt::format("\\x{:02x}", first);
    return std::string(character);
  }

  Workspace& workspace_;
  Text& out_;
};

}  // namespace

Status PrintRepr(Workspace& workspace, const Value& value, Text& out) {
  return Printer(workspace, out).Repr(value, false, 0);
}

Status Print(Workspace& workspace, const Value& value, Text& out) {
  if (value.IsUndefined()) return {};
  if (value.text() == nullptr) return PrintRepr(workspace, value, out);
  RETURN_IF_ERROR(workspace.CheckRoom(out.cost_bytes() + value.text()->cost_bytes()));
  RETURN_IF_ERROR(workspace.SpendReading(value.text()->size_bytes()));
  out.Append(*value.text());
  return {};
}

Result<const Text*> ToText(Workspace& workspace, const Value& value) {
  if (value.text() != nullptr) return value.text();
  Text text;
  RETURN_IF_ERROR(Print(workspace, value, text));
  ASSIGN_OR_RETURN(const Value printed, workspace.NewText(std::move(text)));
  return printed.text();
}

std::string PrintFloat(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  // Python writes exponents where they are below -4 or at least 16.
  constexpr int kLowestExponent = -4;
  constexpr int kExponentLimit = 16;
  char buffer[40];
  const auto scientific = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(scientific.ptr - buffer));
  int exponent = 0;
  const size_t e = text.find('e');
  const char* digits = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(digits, text.data() + text.size(), exponent);
  if (exponent < kLowestExponent || exponent >= kExponentLimit) return std::string(text);
  char fixed[40];
  const auto end = std::to_chars(fixed, fixed + sizeof(fixed), value, std::chars_format::fixed);
  std::string result(fixed, end.ptr);
  if (result.find('.') == std::string::npos) result += ".0";
  return result;
}

}  // namespace tenfold::tokenizer::jinja
