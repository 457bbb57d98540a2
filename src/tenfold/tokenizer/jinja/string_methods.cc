// The methods of Python's strings.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/builtin_tables.h"
#include "tenfold/tokenizer/jinja/characters.h"
#include "tenfold/tokenizer/jinja/print.h"
#include "tenfold/tokenizer/jinja/string_format.h"
#include "tenfold/tokenizer/jinja/text_functions.h"

namespace tenfold::tokenizer::jinja {
namespace {

const Text& Self(const BuiltinCall& call) {
  return *call.self.text();
}

// A search that may compare `needle` anew at each place of `text`.
Status SpendSearch(const BuiltinCall& call, const Text& text, const Text& needle) {
  return call.workspace.Spend(1 + text.size_bytes() / 64 * (1 + needle.size_bytes() / 16));
}

template <Text (*kMap)(const Text&)>
Result<Value> Map(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  RETURN_IF_ERROR(call.workspace.SpendCharacters(Self(call).size_bytes()));
  return call.workspace.NewText(kMap(Self(call)));
}

template <Side kSide>
Result<Value> Strip(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"chars"}));
  const Text* characters = nullptr;
  if (!arguments[0].IsUndefined() && !arguments[0].IsNone()) {
    ASSIGN_OR_RETURN(characters, call.String(arguments[0]));
  }
  ASSIGN_OR_RETURN(Text trimmed, Trim(call.workspace, Self(call), kSide, characters));
  return call.workspace.NewText(std::move(trimmed));
}

template <bool kFromRight>
Result<Value> SplitParts(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"sep", "maxsplit"}));
  ASSIGN_OR_RETURN(const int64_t limit, call.Integer(arguments[1], -1));
  const Text* separator = nullptr;
  if (!arguments[0].IsUndefined() && !arguments[0].IsNone()) {
    ASSIGN_OR_RETURN(separator, call.String(arguments[0]));
    if (separator->empty()) return call.Fail("the separator is empty");
  }
  ASSIGN_OR_RETURN(std::vector<Text> parts, Split(call.workspace, Self(call), separator, limit, kFromRight));
  return NewTextList(call.workspace, std::move(parts));
}

// (before, separator, behind) of the first or last separator; without one, the text stands alone.
template <bool kFromRight>
Result<Value> Partition(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"sep"}, 1));
  ASSIGN_OR_RETURN(const Text* separator, call.String(arguments[0]));
  if (separator->empty()) return call.Fail("the separator is empty");
  ASSIGN_OR_RETURN(std::vector<Text> parts, Split(call.workspace, Self(call), separator, 1, kFromRight));
  if (parts.size() == 2) {
    parts.insert(parts.begin() + 1, *separator);
  } else {
    parts.insert(kFromRight ? parts.begin() : parts.end(), 2, Text());
  }
  std::vector<Value> items;
  for (Text& part : parts) {
    ASSIGN_OR_RETURN(items.emplace_back(), call.workspace.NewText(std::move(part)));
  }
  return call.workspace.NewTuple(std::move(items));
}

Result<Value> SplitIntoLines(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"keepends"}));
  const auto num_ends = static_cast<size_t>(std::ranges::count_if(Self(call).view(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x80;
  }));
  RETURN_IF_ERROR(call.workspace.CheckRoom(Self(call).cost_bytes() + num_ends));
  RETURN_IF_ERROR(call.workspace.SpendReading(Self(call).size_bytes()));
  return NewTextList(call.workspace, SplitLines(Self(call), IsTrue(arguments[0])));
}

Result<bool> HasAffix(const BuiltinCall& call, const Value& affix, bool is_prefix) {
  ASSIGN_OR_RETURN(const Text* text, call.String(affix));
  RETURN_IF_ERROR(call.workspace.SpendReading(std::min(text->size_bytes(), Self(call).size_bytes())));
  return is_prefix ? Self(call).view().starts_with(text->view()) : Self(call).view().ends_with(text->view());
}

// Of a string, or of any in a tuple.
template <bool kIsPrefix>
Result<Value> IsAffixed(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({kIsPrefix ? "prefix" : "suffix"}, 1));
  if (arguments[0].tuple() == nullptr) {
    ASSIGN_OR_RETURN(const bool has_affix, HasAffix(call, arguments[0], kIsPrefix));
    return Value(has_affix);
  }
  for (const Value& affix : arguments[0].tuple()->items) {
    ASSIGN_OR_RETURN(const bool has_affix, HasAffix(call, affix, kIsPrefix));
    if (has_affix) return Value(true);
  }
  return Value(false);
}

template <bool kIsPrefix>
Result<Value> RemoveAffix(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({kIsPrefix ? "prefix" : "suffix"}, 1));
  ASSIGN_OR_RETURN(const bool has_affix, HasAffix(call, arguments[0], kIsPrefix));
  if (!has_affix) return call.self;
  const size_t size = arguments[0].text()->size_bytes();
  const size_t whole = Self(call).size_bytes();
  return call.workspace.NewText(kIsPrefix ? Self(call).Slice(size, whole) : Self(call).Slice(0, whole - size));
}

Result<Value> ReplaceParts(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<3>({"old", "new", "count"}, 2));
  ASSIGN_OR_RETURN(const Text* from, call.String(arguments[0]));
  ASSIGN_OR_RETURN(const Text* to, call.String(arguments[1]));
  ASSIGN_OR_RETURN(const int64_t limit, call.Integer(arguments[2], -1));
  ASSIGN_OR_RETURN(Text result, Replace(call.workspace, Self(call), *from, *to, limit));
  return call.workspace.NewText(std::move(result));
}

// Where a part begins, counted in characters, between two positions; nullopt when it is not there.
Result<std::optional<int64_t>> FindPart(const BuiltinCall& call, bool from_right) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<3>({"sub", "start", "end"}, 1));
  ASSIGN_OR_RETURN(const Text* part, call.String(arguments[0]));
  ASSIGN_OR_RETURN(const Value window, GetSlice(call.workspace, call.self, arguments[1], arguments[2], Value()));
  RETURN_IF_ERROR(SpendSearch(call, Self(call), *part));
  const std::string_view text = window.text()->view();
  const size_t at = from_right ? text.rfind(part->view()) : FindBytes(text, part->view());
  if (at == std::string_view::npos) return std::nullopt;
  // What the window left out before it.
  int64_t start = 0;
  if (const auto given = ToInteger(arguments[1])) {
    const auto length = static_cast<int64_t>(CountCharacters(Self(call).view()));
    start = std::clamp<int64_t>(*given < 0 ? *given + length : *given, 0, length);
  }
  return start + static_cast<int64_t>(CountCharacters(text.substr(0, at)));
}

template <bool kFromRight>
Result<Value> Find(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto position, FindPart(call, kFromRight));
  return Value(position.value_or(-1));
}

template <bool kFromRight>
Result<Value> Index(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto position, FindPart(call, kFromRight));
  if (!position) return call.Fail("the text does not hold this part");
  return Value(*position);
}

Result<Value> CountParts(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"sub"}, 1));
  ASSIGN_OR_RETURN(const Text* part, call.String(arguments[0]));
  RETURN_IF_ERROR(call.workspace.SpendReading(Self(call).size_bytes()));
  if (part->empty()) return Value(static_cast<int64_t>(CountCharacters(Self(call).view()) + 1));
  RETURN_IF_ERROR(SpendSearch(call, Self(call), *part));
  int64_t count = 0;
  const std::string_view text = Self(call).view();
  for (size_t at = text.find(part->view()); at != std::string_view::npos;
       at = text.find(part->view(), at + part->size_bytes())) {
    ++count;
  }
  return Value(count);
}

Result<Value> JoinParts(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"iterable"}, 1));
  ASSIGN_OR_RETURN(const std::vector<Value> items, Items(call.workspace, arguments[0]));
  Text result;
  for (size_t i = 0; i < items.size(); ++i) {
    ASSIGN_OR_RETURN(const Text* item, call.String(items[i]));
    RETURN_IF_ERROR(call.workspace.CheckRoom(result.cost_bytes() + Self(call).cost_bytes() + item->cost_bytes()));
    if (i > 0) result.Append(Self(call));
    result.Append(*item);
  }
  return call.workspace.NewText(std::move(result));
}

Result<Value> Format(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(Text result, FormatBraces(call.workspace, Self(call), call.arguments));
  return call.workspace.NewText(std::move(result));
}

template <Side kFillSide>
Result<Value> Justify(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"width", "fillchar"}, 1));
  ASSIGN_OR_RETURN(const int64_t width, call.Integer(arguments[0], 0));
  Text fill(" ");
  if (!arguments[1].IsUndefined()) {
    ASSIGN_OR_RETURN(const Text* given, call.String(arguments[1]));
    if (CountCharacters(given->view().substr(0, 8)) != 1) return call.Fail("the fill is one character");
    fill = *given;
  }
  ASSIGN_OR_RETURN(Text result, Pad(call.workspace, Self(call), width, fill, kFillSide));
  return call.workspace.NewText(std::move(result));
}

Result<Value> FillWithZeros(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"width"}, 1));
  ASSIGN_OR_RETURN(const int64_t width, call.Integer(arguments[0], 0));
  const bool has_sign = Self(call).view().starts_with('-') || Self(call).view().starts_with('+');
  Text result = Self(call).Slice(0, has_sign ? 1 : 0);
  ASSIGN_OR_RETURN(const Text digits, Pad(call.workspace, Self(call).Slice(has_sign ? 1 : 0, Self(call).size_bytes()),
                                          has_sign ? std::max<int64_t>(width, 1) - 1 : width, Text("0"), Side::kLeft));
  result.Append(digits);
  return call.workspace.NewText(std::move(result));
}

bool IsAlnum(std::string_view character) {
  return IsAlpha(character) || IsDigit(character);
}

// Whether the text is not empty and all of its characters are of a class.
template <bool (*kIsOfClass)(std::string_view)>
Result<Value> All(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  RETURN_IF_ERROR(call.workspace.SpendCharacters(Self(call).size_bytes()));
  for (std::string_view rest = Self(call).view(); !rest.empty(); rest.remove_prefix(FirstCharacterBytes(rest))) {
    if (!kIsOfClass(rest.substr(0, FirstCharacterBytes(rest)))) return Value(false);
  }
  return Value(!Self(call).empty());
}

// As the test of the same name.
template <bool kIsUpper>
Result<Value> IsInCase(const BuiltinCall& call) {
  return FindTest(kIsUpper ? "upper" : "lower")->function(call);
}

constexpr BuiltinRow kRows[] = {
    {"capitalize", Map<Capitalize>},
    {"casefold", Map<ToLowerCase>},
    {"center", Justify<Side::kBoth>},
    {"count", CountParts},
    {"endswith", IsAffixed<false>},
    {"find", Find<false>},
    {"format", Format},
    {"index", Index<false>},
    {"isalnum", All<IsAlnum>},
    {"isalpha", All<IsAlpha>},
    {"isdecimal", All<IsDigit>},
    {"isdigit", All<IsDigit>},
    {"islower", IsInCase<false>},
    {"isnumeric", All<IsDigit>},
    {"isspace", All<IsSpace>},
    {"isupper", IsInCase<true>},
    {"join", JoinParts},
    {"ljust", Justify<Side::kRight>},
    {"lower", Map<ToLowerCase>},
    {"lstrip", Strip<Side::kLeft>},
    {"partition", Partition<false>},
    {"removeprefix", RemoveAffix<true>},
    {"removesuffix", RemoveAffix<false>},
    {"replace", ReplaceParts},
    {"rfind", Find<true>},
    {"rindex", Index<true>},
    {"rjust", Justify<Side::kLeft>},
    {"rpartition", Partition<true>},
    {"rsplit", SplitParts<true>},
    {"rstrip", Strip<Side::kRight>},
    {"split", SplitParts<false>},
    {"splitlines", SplitIntoLines},
    {"startswith", IsAffixed<true>},
    {"strip", Strip<Side::kBoth>},
    {"title", Map<ToTitleCase>},
    {"upper", Map<ToUpperCase>},
    {"zfill", FillWithZeros},
};

}  // namespace

std::span<const BuiltinRow> StringMethods() {
  return kRows;
}

}  // namespace tenfold::tokenizer::jinja
