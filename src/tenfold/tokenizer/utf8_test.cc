#include "tenfold/tokenizer/utf8.h"

#include <string>

#include <gtest/gtest.h>

#include "tenfold/tokenizer/byte_alphabet.h"

namespace tenfold::tokenizer {
namespace {

constexpr const char* kR = "\xEF\xBF\xBD";

struct RepairCase {
  const char* name;
  std::string text;
  std::string repaired;  // what Python's bytes.decode(errors="replace") gives
  size_t incomplete_tail;
};

class Repair : public testing::TestWithParam<RepairCase> {};

TEST_P(Repair, ReplacesMaximalIllFormedParts) {
  const auto& [name, text, repaired, incomplete_tail] = GetParam();
  EXPECT_EQ(RepairUtf8(text), repaired);
  EXPECT_EQ(IncompleteTailBytes(text), incomplete_tail);
  EXPECT_EQ(IsValidUtf8(text), text == repaired);
  EXPECT_TRUE(IsValidUtf8(repaired));
}

std::string Times(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += kR;
  return text;
}

INSTANTIATE_TEST_SUITE_P(Texts, Repair,
                         testing::Values(RepairCase{"empty", "", "", 0},
                                         RepairCase{"ascii", std::string("a\0b", 3), std::string("a\0b", 3), 0},
                                         RepairCase{"every_length", "aé我🌊", "aé我🌊", 0},
                                         RepairCase{"largest", "\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF", 0},
                                         RepairCase{"beyond_largest", "\xF4\x90\x80\x80", Times(4), 0},
                                         RepairCase{"surrogate", "\xED\xA0\x80", Times(3), 0},
                                         RepairCase{"overlong_2", "\xC0\xAF", Times(2), 0},
                                         RepairCase{"overlong_3", "\xE0\x80\xAF", Times(3), 0},
                                         RepairCase{"lone_continuation", "a\x80z", std::string("a") + kR + "z", 0},
                                         RepairCase{"never_in_utf8", "\xFF\xFE", Times(2), 0},
                                         RepairCase{"cut_short_inside", "\xE6\x88z", std::string(kR) + "z", 0},
                                         RepairCase{"cut_short_1_of_2", "a\xC3", std::string("a") + kR, 1},
                                         RepairCase{"cut_short_2_of_3", "\xE6\x88", Times(1), 2},
                                         RepairCase{"cut_short_3_of_4", "\xF0\x9F\x8C", Times(1), 3},
                                         RepairCase{"tail_that_cannot_complete", "\xE0\x80", Times(2), 0},
                                         RepairCase{"four_continuations", "\x80\x80\x80\x80", Times(4), 0}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Utf8, NormalizesToFormC) {
  EXPECT_EQ(NormalizeNfc("e\xCC\x81 plain"), "\xC3\xA9 plain");
  EXPECT_EQ(NormalizeNfc(std::string("a\0b", 3)), std::string("a\0b", 3));
  EXPECT_EQ(NormalizeNfc("\xE2\x84\xAB"), "\xC3\x85");  // the Angstrom sign
}

TEST(ByteAlphabet, WritesEachByteAsOneCharacter) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string bytes(1, static_cast<char>(byte));
    EXPECT_EQ(BytesFromAlphabet(BytesToAlphabet(bytes)), bytes) << byte;
  }
  EXPECT_EQ(BytesToAlphabet(" a\n"), "ĠaĊ");
  EXPECT_EQ(BytesFromAlphabet("a b"), std::nullopt);  // a space is written Ġ
  EXPECT_EQ(BytesFromAlphabet("我"), std::nullopt);
}

}  // namespace
}  // namespace tenfold::tokenizer
