#include "tenfold/tokenizer/utf8.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include <utf8proc.h>

#include "tenfold/base/check.h"

namespace tenfold::tokenizer {
namespace {

// What may follow a lead byte: the number of continuation bytes and the range of the first one, which excludes overlong
// forms, surrogates and code points above U+10FFFF (Unicode standard, table 3-7). Later ones are 80..BF.
struct LeadByte {
  size_t num_continuations;
  uint8_t first_low;
  uint8_t first_high;
};

LeadByte ReadLeadByte(uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Utf8Part ReadUtf8(std::string_view text) {
  using Kind = Utf8Part::Kind;
  const auto byte = [&](size_t index) { return static_cast<uint8_t>(text[index]); };
  if (byte(0) < 0x80) return {Kind::kCharacter, 1, byte(0)};
  const LeadByte lead = ReadLeadByte(byte(0));
  if (lead.num_continuations == 0) return {Kind::kIllFormed, 1, 0};
  // A lead byte of n bytes keeps 7 - n low bits: 2 bytes 5, 3 bytes 4, 4 bytes 3.
  char32_t code_point = byte(0) & ((0x40u >> lead.num_continuations) - 1);
  for (size_t i = 1; i <= lead.num_continuations; ++i) {
    if (i == text.size()) return {Kind::kIncomplete, i, 0};
    const uint8_t low = i == 1 ? lead.first_low : uint8_t{0x80};
    const uint8_t high = i == 1 ? lead.first_high : uint8_t{0xBF};
    if (byte(i) < low || byte(i) > high) return {Kind::kIllFormed, i, 0};
    code_point = code_point << 6 | (byte(i) & 0x3Fu);
  }
  return {Kind::kCharacter, lead.num_continuations + 1, code_point};
}

bool IsValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const Utf8Part part = ReadUtf8(text.substr(i));
    if (part.kind != Utf8Part::Kind::kCharacter) return false;
    i += part.size_bytes;
  }
  return true;
}

std::string RepairUtf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const Utf8Part part = ReadUtf8(text.substr(i));
    repaired += part.kind == Utf8Part::Kind::kCharacter ? text.substr(i, part.size_bytes) : kReplacementCharacter;
    i += part.size_bytes;
  }
  return repaired;
}

size_t IncompleteTailBytes(std::string_view text) {
  // The lead byte of an incomplete character is at most three bytes from the end, and only continuation bytes follow
  // it.
  for (size_t size = 1; size <= 3 && size <= text.size(); ++size) {
    const std::string_view tail = text.substr(text.size() - size);
    if ((static_cast<uint8_t>(tail[0]) & 0xC0) == 0x80) continue;
    const Utf8Part part = ReadUtf8(tail);
    return part.kind == Utf8Part::Kind::kIncomplete ? size : 0;
  }
  return 0;
}

std::string NormalizeNfc(std::string_view text) {
  const bool is_ascii = std::ranges::all_of(text, [](char c) { return static_cast<uint8_t>(c) < 0x80; });
  if (is_ascii) return std::string(text);  // already in the form, like nearly all English text
  utf8proc_uint8_t* buffer = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &buffer, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  CHECK_MSG(size >= 0, "utf8proc refuses valid UTF-8: {}", utf8proc_errmsg(size));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(buffer, &std::free);
  return std::string(reinterpret_cast<const char*>(buffer), static_cast<size_t>(size));
}

}  // namespace tenfold::tokenizer
