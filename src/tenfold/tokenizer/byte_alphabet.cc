#include "tenfold/tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer {
namespace {

constexpr int kNotOfTheAlphabet = -1;
constexpr char32_t kFirstSubstitute = 0x100;
constexpr char32_t kAlphabetEnd = kFirstSubstitute + 256 - 188;

constexpr bool StandsForItself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr std::array<char32_t, 256> kCharacterOfByte = [] {
  std::array<char32_t, 256> characters{};
  char32_t next = kFirstSubstitute;
  for (int byte = 0; byte < 256; ++byte) {
    characters[static_cast<size_t>(byte)] = StandsForItself(byte) ? static_cast<char32_t>(byte) : next++;
  }
  return characters;
}();

constexpr std::array<int, kAlphabetEnd> kByteOfCharacter = [] {
  std::array<int, kAlphabetEnd> bytes{};
  bytes.fill(kNotOfTheAlphabet);
  for (size_t byte = 0; byte < 256; ++byte) bytes[kCharacterOfByte[byte]] = static_cast<int>(byte);
  return bytes;
}();

}  // namespace

std::optional<std::string> BytesFromAlphabet(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size();) {
    const Utf8Part part = ReadUtf8(text.substr(i));
    if (part.kind != Utf8Part::Kind::kCharacter || part.code_point >= kAlphabetEnd) return std::nullopt;
    const int byte = kByteOfCharacter[part.code_point];
    if (byte == kNotOfTheAlphabet) return std::nullopt;
    bytes += static_cast<char>(byte);
    i += part.size_bytes;
  }
  return bytes;
}

std::string BytesToAlphabet(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    const char32_t character = kCharacterOfByte[static_cast<uint8_t>(byte)];
    if (character < 0x80) {
      text += static_cast<char>(character);
    } else {  // the alphabet ends below U+0800: two bytes
      text += static_cast<char>(0xC0 | character >> 6);
      text += static_cast<char>(0x80 | (character & 0x3F));
    }
  }
  return text;
}

}  // namespace tenfold::tokenizer
