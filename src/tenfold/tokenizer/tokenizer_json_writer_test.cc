#include "tenfold/tokenizer/tokenizer_json_writer.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/tokenizer/known_pre_tokenizers.h"
#include "tenfold/tokenizer/merges_and_scores.h"
#include "tenfold/tokenizer/tokenizer.h"
#include "tenfold/tokenizer/tokenizer_json.h"

namespace tenfold::tokenizer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// Of these tokens, the first three special; the others normal with the given scores.
Vocabulary SentencePiece(std::vector<std::pair<std::string, float>> tokens) {
  Vocabulary vocabulary;
  vocabulary.source = "file";
  vocabulary.tokens = {"<unk>", "<s>", "</s>"};
  vocabulary.types = {TokenType::kUnknown, TokenType::kControl, TokenType::kControl};
  vocabulary.scores = {0, 0, 0};
  for (const auto& [token, score] : tokens) {
    vocabulary.tokens.push_back(token);
    vocabulary.types.push_back(TokenType::kNormal);
    vocabulary.scores.push_back(score);
  }
  vocabulary.space_prefix = SpacePrefix::kEveryText;
  vocabulary.byte_fallback = false;
  vocabulary.unknown = 0;
  vocabulary.bos = 1;
  vocabulary.eos = 2;
  vocabulary.add_bos = true;
  return vocabulary;
}

Vocabulary ByteLevel() {
  Vocabulary vocabulary;
  vocabulary.source = "file";
  vocabulary.kind = VocabularyKind::kByteLevel;
  vocabulary.tokens = {"a", "Ġ", "Ġa", "1", "<|end|>", "<|pad|>"};
  vocabulary.types = {TokenType::kNormal, TokenType::kNormal,  TokenType::kNormal,
                      TokenType::kNormal, TokenType::kControl, TokenType::kUserDefined};
  vocabulary.merges = {{"Ġ", "a"}};
  vocabulary.splits = {{.pattern = std::string(Gpt2Pattern())}};
  vocabulary.fuse_unknown = false;
  vocabulary.spaces_are_underlined = false;
  vocabulary.byte_fallback = false;
  vocabulary.eos = 4;
  vocabulary.padding = 5;
  vocabulary.add_eos = true;
  vocabulary.strip_right = {4};
  vocabulary.chat_template = "{{ messages }}";
  vocabulary.end_of_generation = {4};
  return vocabulary;
}

Vocabulary WrittenAndRead(const Vocabulary& vocabulary) {
  const std::string text = json::serialize(TokenizerJson(vocabulary).value());
  return ParseTokenizerJson(text, json::serialize(TokenizerConfigJson(vocabulary)), "file").value();
}

void ExpectSame(const Vocabulary& a, const Vocabulary& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.types, b.types);
  EXPECT_EQ(a.merges, b.merges);
  EXPECT_EQ(a.splits, b.splits);
  EXPECT_EQ(a.ignore_merges, b.ignore_merges);
  EXPECT_EQ(a.normalize_nfc, b.normalize_nfc);
  EXPECT_EQ(a.space_prefix, b.space_prefix);
  EXPECT_EQ(a.prefix_only_when_missing, b.prefix_only_when_missing);
  EXPECT_EQ(a.spaces_are_underlined, b.spaces_are_underlined);
  EXPECT_EQ(a.byte_fallback, b.byte_fallback);
  EXPECT_EQ(a.fuse_unknown, b.fuse_unknown);
  for (const auto id : {&Vocabulary::bos, &Vocabulary::eos, &Vocabulary::unknown, &Vocabulary::padding}) {
    EXPECT_EQ(a.*id, b.*id);
  }
  EXPECT_EQ(a.add_bos, b.add_bos);
  EXPECT_EQ(a.add_eos, b.add_eos);
  EXPECT_EQ(a.strip_left, b.strip_left);
  EXPECT_EQ(a.strip_right, b.strip_right);
  EXPECT_EQ(a.chat_template, b.chat_template);
  EXPECT_EQ(a.end_of_generation, b.end_of_generation);
}

TEST(TokenizerJsonWriter, ByteLevelComesBackAsItWas) {
  Vocabulary vocabulary = ByteLevel();
  ExpectSame(WrittenAndRead(vocabulary), vocabulary);
  vocabulary.splits = {{.pattern = R"(\p{N}{1,3})"},
                       {.pattern = R"( ?\p{L}+)", .behavior = SplitBehavior::kRemoved, .invert = true}};
  vocabulary.ignore_merges = vocabulary.normalize_nfc = true;
  ExpectSame(WrittenAndRead(vocabulary), vocabulary);
  vocabulary.splits = {{.pattern = std::string(Gpt2Pattern())}};
  vocabulary.space_prefix = SpacePrefix::kEveryText;
  vocabulary.prefix_only_when_missing = true;
  ExpectSame(WrittenAndRead(vocabulary), vocabulary);
}

TEST(TokenizerJsonWriter, SentencePieceComesBackWithMergesForScores) {
  Vocabulary vocabulary = SentencePiece({{"▁", -9}, {"a", -8}, {"b", -7}, {"ab", -1}, {"▁ab", -2}, {"▁a", -3}});
  Vocabulary expected = vocabulary;
  expected.scores.clear();
  expected.merges = {{"a", "b"}, {"▁", "ab"}, {"▁a", "b"}, {"▁", "a"}};
  ExpectSame(WrittenAndRead(vocabulary), expected);
  // Other ways to deal with spaces, of a file that had merges itself.
  for (const auto prefix : {SpacePrefix::kNever, SpacePrefix::kFirstText, SpacePrefix::kEveryText}) {
    expected.space_prefix = prefix;
    expected.prefix_only_when_missing = prefix != SpacePrefix::kNever;
    ExpectSame(WrittenAndRead(expected), expected);
  }
}

TEST(TokenizerJsonWriter, RefusesWhatTheFormatCannotSay) {
  Vocabulary vocabulary = SentencePiece({{"▁", -9}, {"a", -8}, {"▁a", -3}});
  vocabulary.space_prefix = SpacePrefix::kFirstText;
  EXPECT_THAT(TokenizerJson(vocabulary).error().message, HasSubstr("file: the tokenizer cannot be written"));
  vocabulary = SentencePiece({{"▁", -9}, {"a", -8}, {"▁a", -3}});
  vocabulary.splits = {{.pattern = "a"}};
  EXPECT_THAT(TokenizerJson(vocabulary).error().message, HasSubstr("cut by patterns"));
  vocabulary = ByteLevel();
  vocabulary.space_prefix = SpacePrefix::kEveryText;
  EXPECT_EQ(TokenizerJson(vocabulary).error().code, ErrorCode::kUnsupported);
}

TEST(MergesAndScores, AreEachOthersInverse) {
  Vocabulary vocabulary = SentencePiece({{"a", 0}, {"b", 0}, {"ab", -5}, {"aa", -3}, {"aab", -4}});
  vocabulary.merges = MergesFromScores(vocabulary).value();
  EXPECT_THAT(vocabulary.merges, ElementsAre(Pair("a", "a"), Pair("a", "ab"), Pair("aa", "b"), Pair("a", "b")));
  EXPECT_THAT(ScoresFromMerges(vocabulary).value(), ElementsAre(0, 0, 0, 0, 0, -3, 0, -1));
}

// Llama's runs of spaces all have one score, under which the leftmost pair goes first.
TEST(MergesAndScores, DivideRunsTheSameWay) {
  for (const auto& lengths : {std::vector<size_t>{2, 3, 4, 5, 6, 7, 8}, {2, 4, 8}, {2, 3, 5}, {2, 4, 5, 7}}) {
    std::vector<std::pair<std::string, float>> tokens = {{"a", 0}};
    for (const size_t length : lengths) tokens.emplace_back(std::string(length, 'a'), -1);
    Vocabulary vocabulary = SentencePiece(tokens);
    vocabulary.space_prefix = SpacePrefix::kNever;
    const auto by_scores = Tokenizer::Create(vocabulary).value();
    vocabulary.merges = MergesFromScores(vocabulary).value();
    const auto by_merges = Tokenizer::Create(vocabulary).value();
    for (size_t size = 1; size < 60; ++size) {
      EXPECT_EQ(by_merges.Encode(std::string(size, 'a')), by_scores.Encode(std::string(size, 'a'))) << size;
    }
  }
}

TEST(MergesAndScores, SayWhatCannotBeSaid) {
  EXPECT_THAT(MergesFromScores(SentencePiece({{"a", 0}, {"b", 0}, {"aa", -3}, {"aab", -3}})).error().message,
              HasSubstr("\"aab\" and \"aa\" have the same score -3"));
  EXPECT_THAT(MergesFromScores(SentencePiece({{"a", 0}, {"ab", -3}})).error().message,
              HasSubstr("token \"ab\" is joined from \"b\" too"));
  Vocabulary vocabulary = SentencePiece({{"a", 0}, {"b", 0}, {"ab", 0}, {"aab", 0}, {"aa", 0}});
  vocabulary.merges = {{"a", "b"}, {"a", "ab"}, {"a", "a"}};
  EXPECT_THAT(ScoresFromMerges(vocabulary).error().message, HasSubstr("no merge makes \"aab\" of \"aa\" and \"b\""));
  vocabulary.merges = {{"a", "b"}, {"a", "ab"}, {"a", "a"}, {"aa", "b"}};
  EXPECT_THAT(ScoresFromMerges(vocabulary).error().message, HasSubstr("stand between those that make \"aab\""));
}

TEST(PreTokenizerName, IsOneThatFindsTheSame) {
  for (const char* name : {"gpt-2", "llama-bpe", "qwen2", "deepseek-llm", "smollm", "tekken", "default"}) {
    const KnownPreTokenizer known = FindPreTokenizer(name).value();
    const auto found = PreTokenizerName(known);
    ASSERT_TRUE(found) << name;
    EXPECT_EQ(FindPreTokenizer(*found)->splits, known.splits);
  }
  EXPECT_EQ(PreTokenizerName({.splits = {{.pattern = "x"}}}), std::nullopt);
}

}  // namespace
}  // namespace tenfold::tokenizer
