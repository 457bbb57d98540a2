// Filters that give a string: what comes in is printed first, as Jinja does.
#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/builtin_tables.h"
#include "tenfold/tokenizer/jinja/characters.h"
#include "tenfold/tokenizer/jinja/operators.h"
#include "tenfold/tokenizer/jinja/print.h"
#include "tenfold/tokenizer/jinja/string_format.h"
#include "tenfold/tokenizer/jinja/text_functions.h"

namespace tenfold::tokenizer::jinja {
namespace {

template <Text (*kMap)(const Text&)>
Result<Value> Map(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  RETURN_IF_ERROR(call.workspace.SpendCharacters(text->size_bytes()));
  return call.workspace.NewText(kMap(*text));
}

Result<Value> FilterTrim(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"chars"}));
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  const Text* characters = arguments[0].text();
  ASSIGN_OR_RETURN(Text trimmed, Trim(call.workspace, *text, Side::kBoth, characters));
  return call.workspace.NewText(std::move(trimmed));
}

Result<Value> FilterString(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  return Value(text);
}

Result<Value> FilterReplace(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<3>({"old", "new", "count"}, 2));
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  ASSIGN_OR_RETURN(const Text* from, call.Printed(arguments[0]));
  ASSIGN_OR_RETURN(const Text* to, call.Printed(arguments[1]));
  ASSIGN_OR_RETURN(const int64_t limit, call.Integer(arguments[2].IsNone() ? Value() : arguments[2], -1));
  ASSIGN_OR_RETURN(Text result, Replace(call.workspace, *text, *from, *to, limit));
  return call.workspace.NewText(std::move(result));
}

Result<Value> FilterIndent(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<3>({"width", "first", "blank"}));
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  Text indent;
  if (arguments[0].text() != nullptr) {
    indent = *arguments[0].text();
  } else {
    ASSIGN_OR_RETURN(const int64_t width, call.Integer(arguments[0], 4));
    ASSIGN_OR_RETURN(indent, Pad(call.workspace, Text(), width, Text(" "), Side::kLeft));
  }
  Text whole = *text;
  whole.Append("\n", false);  // so that a text that ends with a line end has an empty last line
  RETURN_IF_ERROR(call.workspace.SpendBytes(whole.size_bytes() * 2));
  Text result;
  bool is_first = true;
  for (const Text& line : SplitLines(whole)) {
    RETURN_IF_ERROR(call.workspace.CheckRoom(result.cost_bytes() + indent.cost_bytes() + line.cost_bytes()));
    if (!is_first) result.Append("\n", false);
    if (is_first ? IsTrue(arguments[1]) : !line.empty() || IsTrue(arguments[2])) result.Append(indent);
    result.Append(line);
    is_first = false;
  }
  return call.workspace.NewText(std::move(result));
}

Result<Value> FilterJoin(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"d", "attribute"}));
  ASSIGN_OR_RETURN(const std::vector<Value> items, Items(call.workspace, call.self));
  ASSIGN_OR_RETURN(const Text* separator, call.Printed(arguments[0]));
  Text result;
  for (size_t i = 0; i < items.size(); ++i) {
    RETURN_IF_ERROR(call.workspace.CheckRoom(result.cost_bytes() + separator->cost_bytes()));
    if (i > 0) result.Append(*separator);
    Value item = items[i];
    if (!arguments[1].IsUndefined()) {
      ASSIGN_OR_RETURN(item, GetAttributePath(call.workspace, item, arguments[1]));
    }
    RETURN_IF_ERROR(Print(call.workspace, item, result));
  }
  return call.workspace.NewText(std::move(result));
}

Result<Value> FilterCenter(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"width"}));
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  ASSIGN_OR_RETURN(const int64_t width, call.Integer(arguments[0], 80));
  ASSIGN_OR_RETURN(Text result, Pad(call.workspace, *text, width, Text(" "), Side::kBoth));
  return call.workspace.NewText(std::move(result));
}

Result<Value> FilterFormat(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const Text* format, call.Printed(call.self));
  ASSIGN_OR_RETURN(Text result, FormatPercent(call.workspace, *format, call.arguments));
  return call.workspace.NewText(std::move(result));
}

// Cuts at `length` characters, the mark of the cut included; without `killwords`, at the last space before it.
Result<Value> FilterTruncate(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<4>({"length", "killwords", "end", "leeway"}));
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  ASSIGN_OR_RETURN(const int64_t length, call.Integer(arguments[0], 255));
  ASSIGN_OR_RETURN(const int64_t leeway, call.Integer(arguments[3].IsNone() ? Value() : arguments[3], 5));
  const Text dots("...");
  const Text* end = &dots;
  if (!arguments[2].IsUndefined()) {
    ASSIGN_OR_RETURN(end, call.Printed(arguments[2]));
  }
  const auto end_length = static_cast<int64_t>(CountCharacters(end->view()));
  if (length < end_length || leeway < 0) return call.Fail("length must be at least {}, and leeway 0", end_length);
  RETURN_IF_ERROR(call.workspace.SpendReading(text->size_bytes()));
  const auto text_length = static_cast<int64_t>(CountCharacters(text->view()));
  if (text_length <= length || text_length - length <= leeway) return call.workspace.NewText(*text);
  size_t cut = ByteOfCharacter(text->view(), static_cast<size_t>(length - end_length));
  if (!IsTrue(arguments[1])) cut = std::min(text->view().substr(0, cut).rfind(' '), cut);
  Text result = text->Slice(0, cut);
  result.Append(*end);
  return call.workspace.NewText(std::move(result));
}

// Appends what `replacement` gives for each byte; an empty view keeps the byte.
template <class Replacement>
Result<Value> ReplaceBytes(const BuiltinCall& call, const Text& text, Replacement replacement) {
  RETURN_IF_ERROR(call.workspace.SpendCharacters(text.size_bytes()));
  Text result;
  for (size_t at = 0; at < text.size_bytes(); ++at) {
    RETURN_IF_ERROR(call.workspace.CheckRoom(result.cost_bytes()));
    const std::string bytes = replacement(text.view()[at]);
    result.Append(bytes, text.IsInput(at));
  }
  return call.workspace.NewText(std::move(result));
}

Result<Value> FilterEscape(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  return ReplaceBytes(call, *text, [](char c) -> std::string {
    switch (c) {
      case '&':
        return "&amp;";
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '\'':
        return "&#39;";
      case '"':
        return "&#34;";
      default:
        return {c};
    }
  });
}

Result<Value> FilterUrlEncode(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  if (call.self.dict() != nullptr || call.self.items() != nullptr) {
    return MakeError(ErrorCode::kUnsupported, "urlencode: only strings are supported, not {}", KindName(call.self));
  }
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  return ReplaceBytes(call, *text, [](char c) -> std::string {
    constexpr std::string_view kPlain = "_.-~/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    if (kPlain.find(c) != std::string_view::npos) return {c};
    return fmt::format("%{:02X}", static_cast<unsigned char>(c));
  });
}

// Without <tags> and <!-- comments -->, each run of white space one space.
Result<Value> FilterStripTags(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  RETURN_IF_ERROR(call.workspace.SpendReading(text->size_bytes()));
  const std::string_view bytes = text->view();
  Text plain;
  for (size_t at = 0; at < bytes.size();) {
    const size_t open = std::min(bytes.find('<', at), bytes.size());
    plain.AppendSlice(*text, at, open);
    if (open == bytes.size()) break;
    const std::string_view closing = bytes.substr(open).starts_with("<!--") ? "-->" : ">";
    const size_t close = bytes.find(closing, open);
    if (close == std::string_view::npos) {
      plain.AppendSlice(*text, open, bytes.size());
      break;
    }
    at = close + closing.size();
  }
  ASSIGN_OR_RETURN(const std::vector<Text> words, Split(call.workspace, plain, nullptr, -1, false));
  Text result;
  for (const Text& word : words) {
    if (!result.empty()) result.Append(" ", false);
    result.Append(word);
  }
  return call.workspace.NewText(std::move(result));
}

constexpr BuiltinRow kRows[] = {
    {"capitalize", Map<Capitalize>},
    {"center", FilterCenter},
    {"e", FilterEscape},
    {"escape", FilterEscape},
    {"forceescape", FilterEscape},
    {"format", FilterFormat},
    {"indent", FilterIndent},
    {"join", FilterJoin},
    {"lower", Map<ToLowerCase>},
    {"replace", FilterReplace},
    {"safe", FilterString},
    {"string", FilterString},
    {"striptags", FilterStripTags},
    {"title", Map<ToTitleCaseOfFilter>},
    {"trim", FilterTrim},
    {"truncate", FilterTruncate},
    {"upper", Map<ToUpperCase>},
    {"urlencode", FilterUrlEncode},
};

}  // namespace

std::span<const BuiltinRow> TextFilters() {
  return kRows;
}

}  // namespace tenfold::tokenizer::jinja
