#include "tenfold/tokenizer/jinja/text_functions.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "tenfold/tokenizer/jinja/characters.h"

namespace tenfold::tokenizer::jinja {
namespace {

std::string_view FirstCharacter(std::string_view text) {
  return text.substr(0, FirstCharacterBytes(text));
}

// Calls visit(character, is_input) for each in order.
template <class Visit>
void ForEachCharacter(const Text& text, Visit visit) {
  for (size_t at = 0; at < text.size_bytes();) {
    const std::string_view character = FirstCharacter(text.view().substr(at));
    visit(character, text.IsInput(at));
    at += character.size();
  }
}

template <class Map>
Text MapCharacters(const Text& text, Map map) {
  Text result;
  ForEachCharacter(text, [&](std::string_view character, bool is_input) { result.Append(map(character), is_input); });
  return result;
}

template <class EndsWord>
Text MapWords(const Text& text, EndsWord ends_word) {
  bool begins_word = true;
  return MapCharacters(text, [&](std::string_view character) {
    const bool is_first = std::exchange(begins_word, ends_word(character));
    return is_first ? ToTitle(character) : ToLower(character);
  });
}

// What Python's str.splitlines ends lines at, "\r\n" being one end.
size_t LineEndBytes(std::string_view text) {
  if (text.starts_with("\r\n")) return 2;
  constexpr std::string_view kAscii = "\n\r\v\f\x1c\x1d\x1e";
  if (kAscii.find(text[0]) != std::string_view::npos) return 1;
  for (const std::string_view end : {"\u0085", "\u2028", "\u2029"}) {
    if (text.starts_with(end)) return end.size();
  }
  return 0;
}

// The words between white space, as ranges of bytes.
std::vector<std::pair<size_t, size_t>> FindWords(std::string_view text) {
  std::vector<std::pair<size_t, size_t>> words;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const std::string_view character = FirstCharacter(text.substr(at));
    const bool is_space = IsSpace(character);
    if (!is_space && !in_word) words.emplace_back(at, at);
    at += character.size();
    if (!is_space) words.back().second = at;
    in_word = !is_space;
  }
  return words;
}

// Before a text is cut: what its parts will take.
Status CheckParts(const Workspace& workspace, const Text& text, size_t num_parts) {
  return workspace.CheckRoom(text.cost_bytes() + num_parts * sizeof(Text));
}

// The part that is not cut keeps the white space on its far side, if the limit is what kept it from being cut.
Result<std::vector<Text>> SplitAtSpace(Workspace& workspace, const Text& text, size_t limit, bool from_right) {
  const auto words = FindWords(text.view());
  std::vector<Text> parts;
  if (words.empty()) return parts;
  RETURN_IF_ERROR(CheckParts(workspace, text, words.size()));
  const bool is_limited = limit < words.size();
  const size_t num_cuts = std::min(limit, words.size() - 1);
  const size_t first_whole = from_right ? words.size() - num_cuts : 0;
  if (from_right) parts.push_back(text.Slice(is_limited ? 0 : words[0].first, words[first_whole - 1].second));
  for (size_t i = first_whole; i < first_whole + num_cuts; ++i) {
    parts.push_back(text.Slice(words[i].first, words[i].second));
  }
  if (!from_right) {
    parts.push_back(text.Slice(words[num_cuts].first, is_limited ? text.size_bytes() : words.back().second));
  }
  return parts;
}

// Where the separator is cut out. From the right, other occurrences are found where they overlap.
std::vector<size_t> FindCuts(std::string_view text, std::string_view separator, size_t limit, bool from_right) {
  std::vector<size_t> cuts;
  if (from_right) {
    size_t end = text.size();
    while (cuts.size() < limit && end >= separator.size()) {
      const size_t at = text.rfind(separator, end - separator.size());
      if (at == std::string_view::npos) break;
      cuts.push_back(at);
      end = at;
    }
    std::ranges::reverse(cuts);
    return cuts;
  }
  for (size_t at = 0; cuts.size() < limit; at = cuts.back() + separator.size()) {
    const size_t found = FindBytes(text, separator, at);
    if (found == std::string_view::npos) break;
    cuts.push_back(found);
  }
  return cuts;
}

}  // namespace

Result<Text> Trim(Workspace& workspace, const Text& text, Side side, const Text* characters) {
  const std::string_view bytes = text.view();
  const auto goes = [&](std::string_view character) {
    return characters == nullptr ? IsSpace(character) : characters->view().find(character) != std::string_view::npos;
  };
  size_t begin = 0;
  size_t end = bytes.size();
  if (side != Side::kRight) {
    while (begin < end && goes(FirstCharacter(bytes.substr(begin)))) begin += FirstCharacterBytes(bytes.substr(begin));
  }
  if (side != Side::kLeft) {
    while (begin < end) {
      const std::string_view kept = bytes.substr(begin, end - begin);
      const size_t last = LastCharacterBegin(kept);
      if (!goes(kept.substr(last))) break;
      end = begin + last;
    }
  }
  const size_t num_gone = text.size_bytes() - (end - begin);
  RETURN_IF_ERROR(
      workspace.SpendCharacters(num_gone * (1 + (characters == nullptr ? 0 : characters->size_bytes() / 16))));
  return text.Slice(begin, end);
}

Result<Text> Replace(Workspace& workspace, const Text& text, const Text& from, const Text& to, int64_t limit) {
  RETURN_IF_ERROR(workspace.SpendReading(text.size_bytes() + from.size_bytes()));
  Text result;
  const std::string_view bytes = text.view();
  size_t begin = 0;
  for (size_t at = 0; limit != 0; --limit) {
    // An empty text stands before each character and at the end.
    const size_t found = from.empty() ? at : FindBytes(bytes, from.view(), at);
    if (found == std::string_view::npos || found > bytes.size()) break;
    RETURN_IF_ERROR(workspace.CheckRoom(result.cost_bytes() + (found - begin) + to.cost_bytes()));
    result.AppendSlice(text, begin, found);
    result.Append(to);
    begin = found + from.size_bytes();
    at = begin;
    if (from.empty()) at = found < bytes.size() ? found + FirstCharacterBytes(bytes.substr(found)) : bytes.size() + 1;
  }
  result.AppendSlice(text, begin, bytes.size());
  return result;
}

Text ToUpperCase(const Text& text) {
  return MapCharacters(text, ToUpper);
}

Text ToLowerCase(const Text& text) {
  return MapCharacters(text, ToLower);
}

Text ToTitleCase(const Text& text) {
  return MapWords(text, [](std::string_view character) { return !IsAlpha(character); });
}

Text ToTitleCaseOfFilter(const Text& text) {
  constexpr std::string_view kBefore = "-({[<";
  return MapWords(text, [&](std::string_view character) {
    return IsSpace(character) || kBefore.find(character) != std::string_view::npos;
  });
}

Text Capitalize(const Text& text) {
  return MapWords(text, [](std::string_view) { return false; });
}

std::vector<Text> SplitLines(const Text& text, bool keep_ends) {
  std::vector<Text> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size_bytes();) {
    const size_t end_bytes = LineEndBytes(text.view().substr(at));
    if (end_bytes == 0) {
      at += FirstCharacterBytes(text.view().substr(at));
      continue;
    }
    lines.push_back(text.Slice(begin, keep_ends ? at + end_bytes : at));
    begin = at = at + end_bytes;
  }
  if (begin < text.size_bytes()) lines.push_back(text.Slice(begin, text.size_bytes()));
  return lines;
}

Result<std::vector<Text>> Split(Workspace& workspace, const Text& text, const Text* separator, int64_t limit,
                                bool from_right) {
  const size_t most = limit < 0 ? std::string_view::npos : static_cast<size_t>(limit);
  RETURN_IF_ERROR(workspace.SpendReading(text.size_bytes()));
  if (separator == nullptr) return SplitAtSpace(workspace, text, most, from_right);
  // The search from the right may look at each place as far as the separator is long.
  if (from_right) RETURN_IF_ERROR(workspace.Spend(text.size_bytes() / 64 * (separator->size_bytes() / 32)));
  const auto cuts = FindCuts(text.view(), separator->view(), most, from_right);
  RETURN_IF_ERROR(CheckParts(workspace, text, cuts.size() + 1));
  std::vector<Text> parts;
  size_t begin = 0;
  for (const size_t cut : cuts) {
    parts.push_back(text.Slice(begin, cut));
    begin = cut + separator->size_bytes();
  }
  parts.push_back(text.Slice(begin, text.size_bytes()));
  return parts;
}

Result<Value> NewTextList(Workspace& workspace, std::vector<Text> parts) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (Text& part : parts) {
    ASSIGN_OR_RETURN(items.emplace_back(), workspace.NewText(std::move(part)));
  }
  return workspace.NewList(std::move(items));
}

Result<Text> Pad(Workspace& workspace, const Text& text, int64_t width, const Text& fill, Side fill_side) {
  RETURN_IF_ERROR(workspace.SpendReading(text.size_bytes()));
  const auto length = static_cast<int64_t>(CountCharacters(text.view()));
  if (width <= length) return text;
  const int64_t missing = width - length;
  size_t fill_bytes = 0;
  const bool overflows = __builtin_mul_overflow(static_cast<size_t>(missing), fill.cost_bytes(), &fill_bytes);
  RETURN_IF_ERROR(workspace.CheckRoom(overflows ? SIZE_MAX : fill_bytes));
  int64_t left = fill_side == Side::kLeft ? missing : 0;
  if (fill_side == Side::kBoth) left = missing / 2 + (missing & width & 1);  // as str.center rounds
  Text result;
  for (int64_t i = 0; i < left; ++i) result.Append(fill);
  result.Append(text);
  for (int64_t i = left; i < missing; ++i) result.Append(fill);
  return result;
}

}  // namespace tenfold::tokenizer::jinja
