// Functions on text that filters and methods share. All keep the origin of what they keep.
#pragma once

#include <cstdint>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/text.h"
#include "tenfold/tokenizer/jinja/value.h"
#include "tenfold/tokenizer/jinja/workspace.h"

namespace tenfold::tokenizer::jinja {

enum class Side { kLeft, kRight, kBoth };

// Without the characters of `characters`, or white space where it is nullptr, at the ends. Errors: kResourceExhausted.
Result<Text> Trim(Workspace& workspace, const Text& text, Side side, const Text* characters = nullptr);
// At most `limit` occurrences, or all when it is negative. Errors: kResourceExhausted.
Result<Text> Replace(Workspace& workspace, const Text& text, const Text& from, const Text& to, int64_t limit);

Text ToUpperCase(const Text& text);
Text ToLowerCase(const Text& text);
// A capital at the beginning of each word, small letters behind it. str.title begins words behind all that is no
// letter, the filter title behind white space and opening brackets.
Text ToTitleCase(const Text& text);
Text ToTitleCaseOfFilter(const Text& text);
// A capital at the beginning, small letters behind it.
Text Capitalize(const Text& text);

// The lines, without their ends, or with them.
std::vector<Text> SplitLines(const Text& text, bool keep_ends = false);
// The parts between separators, or between white space where it is nullptr; at most `limit` cuts when it is not
// negative, counted from the end if `from_right`. The separator is not empty. Errors: kResourceExhausted.
Result<std::vector<Text>> Split(Workspace& workspace, const Text& text, const Text* separator, int64_t limit,
                                bool from_right);
// The parts as a list of strings.
Result<Value> NewTextList(Workspace& workspace, std::vector<Text> parts);

// `text` in a field of `width` characters, filled with `fill` on the given side, or on both: then the text stands in
// the middle. Errors: kResourceExhausted.
Result<Text> Pad(Workspace& workspace, const Text& text, int64_t width, const Text& fill, Side fill_side);

}  // namespace tenfold::tokenizer::jinja
