// What this program does with text that is not valid UTF-8, decided once.
//
// Every maximal ill-formed part becomes one U+FFFD, the practice that the Unicode standard recommends (chapter 3.9,
// "U+FFFD substitution of maximal subparts") and Python's errors="replace" follows. Encoders apply it to their input
// before anything else looks at it, decoders to their output; the rule reads from left to right, so that a text
// repaired in pieces, as it streams, is the text repaired whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tenfold::tokenizer {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

// What stands at the beginning of a text.
struct Utf8Part {
  enum class Kind {
    kCharacter,   // one whole character
    kIllFormed,   // a maximal ill-formed part
    kIncomplete,  // the text ends inside a character that more bytes could still complete
  };
  Kind kind;
  size_t size_bytes;
  char32_t code_point;  // of kCharacter
};

// `text` is not empty.
Utf8Part ReadUtf8(std::string_view text);

bool IsValidUtf8(std::string_view text);

// `text` with every ill-formed part replaced, also an incomplete one at its end.
std::string RepairUtf8(std::string_view text);

// How many bytes at the end of `text` belong to a character that more bytes could still complete: 0 to 3.
size_t IncompleteTailBytes(std::string_view text);

// The Unicode normalization form C of valid UTF-8.
std::string NormalizeNfc(std::string_view text);

}  // namespace tenfold::tokenizer
