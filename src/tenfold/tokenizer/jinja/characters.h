// Characters of UTF-8 text, as Python's strings see them: counting, cutting, classes and case.
//
// Positions that templates name count characters, positions in our code count bytes. Text that is not valid UTF-8 has a
// character for each ill-formed part. All functions are pure; their cost is linear in the text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tenfold::tokenizer::jinja {

// The bytes of the first character of a text that is not empty.
size_t FirstCharacterBytes(std::string_view text);
// The byte at which the last character of a text that is not empty begins.
size_t LastCharacterBegin(std::string_view text);

size_t CountCharacters(std::string_view text);
// The byte at which character number `index` begins; the end of the text if there are not so many.
size_t ByteOfCharacter(std::string_view text, size_t index);

// Of a single character. The classes are Python's str.isspace, isdigit, isalpha, isupper and islower.
bool IsSpace(std::string_view character);
bool IsDigit(std::string_view character);
bool IsAlpha(std::string_view character);
bool IsUpper(std::string_view character);
bool IsLower(std::string_view character);

// Of a single character; some become several ("ß" is "SS" in capitals).
std::string ToUpper(std::string_view character);
std::string ToLower(std::string_view character);
std::string ToTitle(std::string_view character);

// UTF-8 of a code point; U+FFFD for what is none.
std::string EncodeCharacter(char32_t code_point);

// Where `needle` begins in `text` at or behind byte `from`, or npos; linear in both whatever they hold.
size_t FindBytes(std::string_view text, std::string_view needle, size_t from = 0);

}  // namespace tenfold::tokenizer::jinja
