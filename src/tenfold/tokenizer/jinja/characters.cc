#include "tenfold/tokenizer/jinja/characters.h"

#include <algorithm>
#include <vector>

#include <utf8proc.h>

#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer::jinja {
namespace {

constexpr char32_t kSharpS = U'ß';

// U+FFFD for a part that is no character; it has no class and no case.
char32_t CodePoint(std::string_view character) {
  if (character.empty()) return 0xFFFD;
  if (static_cast<unsigned char>(character[0]) < 0x80) return static_cast<char32_t>(character[0]);
  const Utf8Part part = ReadUtf8(character);
  return part.kind == Utf8Part::Kind::kCharacter ? part.code_point : 0xFFFD;
}

utf8proc_category_t Category(std::string_view character) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(CodePoint(character)));
}

bool IsCharacter(std::string_view character) {
  return !character.empty() && ReadUtf8(character).kind == Utf8Part::Kind::kCharacter;
}

std::string MapCase(std::string_view character, utf8proc_int32_t (*map)(utf8proc_int32_t)) {
  if (!IsCharacter(character)) return std::string(character);
  return EncodeCharacter(static_cast<char32_t>(map(static_cast<utf8proc_int32_t>(CodePoint(character)))));
}

}  // namespace

size_t FirstCharacterBytes(std::string_view text) {
  if (static_cast<unsigned char>(text[0]) < 0x80) return 1;
  return ReadUtf8(text).size_bytes;
}

size_t LastCharacterBegin(std::string_view text) {
  // A character has at most four bytes; the first of the candidates from which one reaches the end exactly is it.
  const size_t earliest = text.size() > 4 ? text.size() - 4 : 0;
  for (size_t begin = earliest; begin + 1 < text.size(); ++begin) {
    const bool continues = (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80;
    if (!continues && FirstCharacterBytes(text.substr(begin)) == text.size() - begin) return begin;
  }
  return text.size() - 1;
}

size_t CountCharacters(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at += FirstCharacterBytes(text.substr(at))) ++count;
  return count;
}

size_t ByteOfCharacter(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += FirstCharacterBytes(text.substr(at));
  return at;
}

bool IsSpace(std::string_view character) {
  const char32_t code = CodePoint(character);
  if (code < 0x80) return code == ' ' || (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x1F);
  const auto category = Category(character);
  return code == 0x85 || category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

bool IsDigit(std::string_view character) {
  return Category(character) == UTF8PROC_CATEGORY_ND;
}

bool IsAlpha(std::string_view character) {
  const auto category = Category(character);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool IsUpper(std::string_view character) {
  return Category(character) == UTF8PROC_CATEGORY_LU;
}

bool IsLower(std::string_view character) {
  return Category(character) == UTF8PROC_CATEGORY_LL;
}

std::string ToUpper(std::string_view character) {
  return CodePoint(character) == kSharpS ? "SS" : MapCase(character, utf8proc_toupper);
}

std::string ToLower(std::string_view character) {
  return MapCase(character, utf8proc_tolower);
}

std::string ToTitle(std::string_view character) {
  return CodePoint(character) == kSharpS ? "Ss" : MapCase(character, utf8proc_totitle);
}

std::string EncodeCharacter(char32_t code_point) {
  const bool is_valid = code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF);
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(is_valid ? code_point : 0xFFFD), bytes);
  return std::string(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

size_t FindBytes(std::string_view text, std::string_view needle, size_t from) {
  // Short needles: what is repeated at each place is bounded, and the library's search is the faster one.
  constexpr size_t kShort = 32;
  if (needle.size() <= kShort || from > text.size()) return text.find(needle, from);
  // Knuth, Morris and Pratt: border[i] is the longest proper prefix of the needle that ends needle[0, i].
  std::vector<size_t> border(needle.size() + 1, 0);
  for (size_t i = 1, length = 0; i < needle.size(); ++i) {
    while (length > 0 && needle[i] != needle[length]) length = border[length];
    if (needle[i] == needle[length]) ++length;
    border[i + 1] = length;
  }
  for (size_t at = from, length = 0; at < text.size(); ++at) {
    while (length > 0 && text[at] != needle[length]) length = border[length];
    if (text[at] == needle[length]) ++length;
    if (length == needle.size()) return at + 1 - length;
  }
  return std::string_view::npos;
}

}  // namespace tenfold::tokenizer::jinja
