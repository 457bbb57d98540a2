#include "tenfold/tokenizer/pre_tokenizer.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/tokenizer/known_pre_tokenizers.h"

namespace tenfold::tokenizer {
namespace {

using Pieces = std::vector<std::string_view>;

PreTokenizer Known(std::string_view name) {
  return PreTokenizer::Create(FindPreTokenizer(name)->splits, "test").value();
}

struct KnownCase {
  const char* name;
  std::string_view text;
  Pieces pieces;
};

class KnownPatterns : public testing::TestWithParam<KnownCase> {};

TEST_P(KnownPatterns, CutAsTheModelDoes) {
  EXPECT_EQ(Known(GetParam().name).Split(GetParam().text), GetParam().pieces);
}

INSTANTIATE_TEST_SUITE_P(
    Patterns, KnownPatterns,
    testing::Values(KnownCase{"gpt-2", "I've 1234  x\n\n y", {"I", "'ve", " 1234", " ", " x", "\n\n", " y"}},
                    KnownCase{
                        "llama-bpe", "I'VE 1234  x\n\n y", {"I", "'VE", " ", "123", "4", " ", " x", "\n\n", " y"}},
                    KnownCase{"qwen2", "12 (x)", {"1", "2", " (", "x", ")"}}, KnownCase{"qwen35", "कि", {"कि"}},
                    KnownCase{"smollm", " 12", {" ", "1", "2"}},
                    KnownCase{"deepseek-llm", " a\n我x12 ", {" a", "\n", "我", "x", "12", " "}},
                    KnownCase{"deepseek-coder", "我12", {"我", "1", "2"}},
                    KnownCase{"deepseek-v3", "a.b1234", {"a", ".b", "123", "4"}},
                    KnownCase{"tekken", "HelloWorld 12", {"Hello", "World", " ", "1", "2"}},
                    KnownCase{"gpt-4o", "Don't 1234", {"Don't", " ", "123", "4"}},
                    KnownCase{"seed-coder", "a!!\n", {"a", "!!", "\n"}},
                    KnownCase{"bailingmoe", "'Tis 12", {"'T", "is", " ", "1", "2"}},
                    KnownCase{"falcon", "a+=1234", {"a", "+=", "123", "4"}},
                    KnownCase{"bloom", "Hi, you", {"Hi", ",", " you"}}, KnownCase{"viking", "a12", {"a", "1", "2"}},
                    KnownCase{"default", "a+1234", {"a", "+", "123", "4"}}),
    [](const auto& test) {
      std::string name = test.param.name;
      for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
      return name;
    });

TEST(KnownPreTokenizers, RefusesAnUnknownNameWithTheKnownOnes) {
  const auto found = FindPreTokenizer("gpt");  // a part of a name is not a name
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(found.error().message, testing::AllOf(testing::HasSubstr("\"gpt\""), testing::HasSubstr("llama-bpe")));
}

// Every known pattern on texts that make backtracking engines quadratic. A quadratic one takes minutes.
TEST(KnownPreTokenizers, TakeLinearTime) {
  const size_t kSize = 200'000;
  for (const char* name :
       {"gpt-2", "llama-bpe", "qwen2", "qwen35", "deepseek-llm", "deepseek-coder", "deepseek-v3", "smollm", "falcon",
        "tekken", "gpt-4o", "bailingmoe", "seed-coder", "bloom", "viking", "default"}) {
    const PreTokenizer pre_tokenizer = Known(name);
    for (const std::string_view unit : {" ", "a", "A", "1", "'", "\n", "!", "\xCC\x81", "\xEF\xBF\xBD"}) {
      std::string text;
      while (text.size() < kSize) text += unit;
      text += "我";  // so that nothing that looks for an end finds it
      const auto start = std::chrono::steady_clock::now();
      size_t total = 0;
      for (const std::string_view piece : pre_tokenizer.Split(text)) total += piece.size();
      EXPECT_EQ(total, text.size()) << name;
      EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << name << " on " << unit;
    }
  }
}

struct BehaviorCase {
  const char* name;
  SplitStep step;
  Pieces pieces;  // of "a--b-"
};

class Behaviors : public testing::TestWithParam<BehaviorCase> {};

TEST_P(Behaviors, DecideWhatBecomesOfMatches) {
  const auto pre_tokenizer = PreTokenizer::Create({{GetParam().step}}, "test").value();
  EXPECT_EQ(pre_tokenizer.Split("a--b-"), GetParam().pieces);
}

INSTANTIATE_TEST_SUITE_P(
    Steps, Behaviors,
    testing::Values(BehaviorCase{"isolated", {"-", SplitBehavior::kIsolated}, {"a", "-", "-", "b", "-"}},
                    BehaviorCase{"removed", {"-", SplitBehavior::kRemoved}, {"a", "b"}},
                    BehaviorCase{"removed_inverted", {"-", SplitBehavior::kRemoved, true}, {"-", "-", "-"}},
                    BehaviorCase{"contiguous", {"-", SplitBehavior::kContiguous}, {"a", "--", "b", "-"}},
                    BehaviorCase{"with_previous", {"-", SplitBehavior::kMergedWithPrevious}, {"a-", "-", "b-"}},
                    BehaviorCase{"with_next", {"-", SplitBehavior::kMergedWithNext}, {"a", "-", "-b", "-"}},
                    BehaviorCase{"empty_match", {"(?=b)", SplitBehavior::kIsolated}, {"a--", "b-"}},
                    BehaviorCase{"literal", {LiteralPattern("-b"), SplitBehavior::kIsolated}, {"a-", "-b", "-"}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(PreTokenizer, NamesThePatternThatDoesNotCompile) {
  const auto made = PreTokenizer::Create({{SplitStep{.pattern = "(a"}}}, "file.json");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(made.error().message, testing::AllOf(testing::HasSubstr("file.json"), testing::HasSubstr("\"(a\"")));
}

TEST(PreTokenizer, LeavesTheRestWholeWhenAPatternBacktracksTooFar) {
  const auto pre_tokenizer = PreTokenizer::Create({{SplitStep{.pattern = "(a+)+$"}}}, "test").value();
  const std::string text = std::string(100, 'a') + "b";
  EXPECT_EQ(pre_tokenizer.Split(text), Pieces{text});
}

}  // namespace
}  // namespace tenfold::tokenizer
