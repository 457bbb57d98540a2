#include <cstdio>
#include <set>

#include <gtest/gtest.h>

#include "tenfold/base/byte_count.h"
#include "tenfold/base/check.h"
#include "tenfold/base/hash.h"
#include "tenfold/base/json.h"
#include "tenfold/base/print.h"
#include "tenfold/base/random.h"
#include "tenfold/base/result.h"

namespace tenfold {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return MakeError(ErrorCode::kInvalidArgument, "{} is odd", value);
  return value / 2;
}

Result<int> Quarter(int value) {
  ASSIGN_OR_RETURN(const int half, Half(value));
  return Half(half);
}

TEST(Result, PassesErrorsOn) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).error().message, "3 is odd");
  EXPECT_EQ(Quarter(7).error().code, ErrorCode::kInvalidArgument);
}

TEST(Check, PrintsBothValues) {
  EXPECT_DEATH(CHECK_EQ(1 + 1, 3), "1 \\+ 1 == 3 \\(2 against 3\\)");
}

// A disk on which there is never room, without a buffer, as standard error is.
TEST(Print, LeavesOutWhatCannotBeWritten) {
  std::FILE* const full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  std::setvbuf(full, nullptr, _IONBF, 0);
  EXPECT_NO_THROW(Print(full, "{} of {}\n", 1, 2));
  EXPECT_NE(std::ferror(full), 0);
  std::fclose(full);
}

TEST(Json, RejectsWhatIsNotOneDocument) {
  for (const char* text : {"", "{", "{\"a\":1} x", "[1,]", "nul", "{\"a\" 1}"}) {
    EXPECT_FALSE(ParseJson(text, "test")) << text;
  }
  EXPECT_FALSE(ParseJson(std::string(1000, '[') + std::string(1000, ']'), "test"));
  EXPECT_TRUE(ParseJson(" {\"a\": [1, 2.5, null]} \n", "test"));
}

TEST(Json, LooksUpByType) {
  const json::value document = ParseJson(R"({"i": 3, "whole": 4.0, "d": 0.5, "s": "x", "n": null})", "doc").value();
  const json::object& object = document.get_object();
  EXPECT_EQ(GetInt(object, "i", "doc").value(), 3);
  EXPECT_EQ(GetInt(object, "whole", "doc").value(), 4);
  EXPECT_EQ(GetInt(object, "n", "doc").value(), std::nullopt);
  EXPECT_EQ(GetInt(object, "absent", "doc").value(), std::nullopt);
  EXPECT_EQ(GetInt(object, "d", "doc").error().message, "doc: \"d\" must be a whole number, not a number");
  EXPECT_EQ(GetString(object, "i", "doc").error().message, "doc: \"i\" must be a string, not a number");
}

// Known answers of Philox4x32-10 from the Random123 distribution.
TEST(Random, MatchesKnownAnswers) {
  EXPECT_EQ(Philox(0, 0, 0), (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox(~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Random, UniformFillsTheInterval) {
  double sum = 0;
  std::set<double> distinct;
  for (uint64_t i = 0; i < 10000; ++i) {
    const double value = UniformDouble(7, 1, i);
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
    distinct.insert(value);
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.015);  // 5 standard errors of a uniform mean
  EXPECT_EQ(distinct.size(), 10000u);
}

TEST(Hash, IsStable) {
  EXPECT_EQ(Hash64(""), 0x2d06800538d394c2u);  // XXH3's published value for the empty input
  EXPECT_NE(Hash64("a"), Hash64("a", 1));

  const std::string long_one(3'000'000, 'x');
  ChainedHash whole(5), parts(5);
  whole.Add(long_one);
  const auto piece = [&](size_t begin) { return std::string_view(long_one).substr(begin, size_t{1} << 20); };
  for (size_t begin = 0; begin < long_one.size(); begin += piece(begin).size()) parts.Add(piece(begin));
  EXPECT_EQ(whole.value(), parts.value());
  EXPECT_EQ(whole.value(), Hash64(piece(size_t{2} << 20), Hash64(piece(size_t{1} << 20), Hash64(piece(0), 5))));
}

TEST(ByteCount, IsWrittenInTheLargestUnit) {
  EXPECT_EQ(FormatSize(0), "0 bytes");
  EXPECT_EQ(FormatSize(1023), "1023 bytes");
  EXPECT_EQ(FormatSize(1024), "1.0 KiB");
  EXPECT_EQ(FormatSize(uint64_t{3} << 29), "1.5 GiB");
  EXPECT_EQ(FormatSize(uint64_t{1} << 52), "4096.0 TiB");
}

}  // namespace
}  // namespace tenfold
