#include "tenfold/tokenizer/text_cut.h"

#include "tenfold/base/check.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer {
namespace {

bool IsAsciiLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

size_t FirstChunkBytes(std::string_view text, size_t limit_bytes) {
  CHECK(limit_bytes >= 4);  // a character has room
  if (text.size() <= limit_bytes) return text.size();
  for (size_t cut = limit_bytes; cut > 0; --cut) {
    if (text[cut] != ' ' || !IsAsciiLetter(text[cut - 1])) continue;
    if (cut + 1 < text.size() && IsAsciiLetter(text[cut + 1])) return cut;
  }
  return limit_bytes - IncompleteTailBytes(text.substr(0, limit_bytes));
}

}  // namespace tenfold::tokenizer
