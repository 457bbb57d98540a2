#include "tenfold/cli/escaped_text.h"

#include <fmt/format.h>

#include "tenfold/tokenizer/utf8.h"

namespace tenfold::cli {
namespace {

std::string EscapedBytes(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("\\x{:02X}", static_cast<unsigned char>(byte));
  return text;
}

}  // namespace

std::string EscapedText(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const tokenizer::Utf8Part part = tokenizer::ReadUtf8(bytes);
    const std::string_view character = bytes.substr(0, part.size_bytes);
    bytes.remove_prefix(part.size_bytes);
    const bool is_whole = part.kind == tokenizer::Utf8Part::Kind::kCharacter;
    if (character == "\n") {
      text += "\\n";
    } else if (character == "\t") {
      text += "\\t";
    } else if (character == "\r") {
      text += "\\r";
    } else if (character == "\\") {
      text += "\\\\";
    } else if (!is_whole || part.code_point < 0x20 || (part.code_point >= 0x7f && part.code_point < 0xa0)) {
      text += EscapedBytes(character);
    } else {
      text += character;
    }
  }
  return text;
}

}  // namespace tenfold::cli
