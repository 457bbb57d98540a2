#include "tenfold/tokenizer/tokenizer.h"

#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tenfold/tokenizer/detokenizer.h"
#include "tenfold/tokenizer/small_vocabulary.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer {
namespace {

using Ids = std::vector<TokenId>;
using Texts = std::vector<std::string>;

Tokenizer Make(Vocabulary vocabulary) {
  auto tokenizer = Tokenizer::Create(std::move(vocabulary));
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return std::move(*tokenizer);
}

// The texts of the ids, for readable expectations.
Texts TextsOf(const Tokenizer& tokenizer, const Ids& ids) {
  Texts texts;
  for (const TokenId id : ids) texts.emplace_back(tokenizer.TokenText(id));
  return texts;
}

constexpr EncodeOptions kPlain = {.add_special = false, .parse_special = false};
constexpr EncodeOptions kParsed = {.add_special = false, .parse_special = true};

TEST(SentencePiece, JoinsByTheBestScore) {
  const Tokenizer tokenizer = Make(SmallSentencePiece({"ab", "bc", "abc", "▁", "a", "b", "c"}));
  EXPECT_EQ(TextsOf(tokenizer, tokenizer.Encode("abc")), (Texts{"<s>", " ", "abc"}));
  EXPECT_EQ(TextsOf(tokenizer, tokenizer.Encode("abbc")), (Texts{"<s>", " ", "ab", "bc"}));
}

TEST(SentencePiece, JoinsCharactersThatAreNoTokensThemselves) {
  const Tokenizer tokenizer = Make(SmallSentencePiece({"▁é我", "é我", "▁"}));
  EXPECT_EQ(TextsOf(tokenizer, tokenizer.Encode("é我", kPlain)), (Texts{" é我"}));
  EXPECT_EQ(TextsOf(tokenizer, tokenizer.Encode("é", kPlain)), (Texts{" ", "\xC3", "\xA9"}));
}

TEST(SentencePiece, FallsBackToBytesOrToOneUnknown) {
  const Tokenizer with_bytes = Make(SmallSentencePiece({"▁", "a"}));
  EXPECT_EQ(TextsOf(with_bytes, with_bytes.Encode("a我", kPlain)), (Texts{" ", "a", "\xE6", "\x88", "\x91"}));

  Vocabulary vocabulary = SmallSentencePiece({"▁", "a"}, false);
  const Tokenizer fusing = Make(vocabulary);
  EXPECT_EQ(TextsOf(fusing, fusing.Encode("我我a我", kPlain)), (Texts{" ", "<unk>", "a", "<unk>"}));
  vocabulary.fuse_unknown = false;
  const Tokenizer separate = Make(vocabulary);
  EXPECT_EQ(TextsOf(separate, separate.Encode("我我a", kPlain)), (Texts{" ", "<unk>", "<unk>", "a"}));
}

TEST(SentencePiece, NeverReachesTokensThatNoTextContains) {
  const Tokenizer tokenizer = Make(SmallSentencePiece({"\xFF", "a b", "a▁", "a▁b", "▁", "a", "b"}));
  EXPECT_EQ(TextsOf(tokenizer, tokenizer.Encode(std::string(1, '\0'), kPlain)), (Texts{" ", std::string(1, '\0')}));
  const Ids ids = tokenizer.Encode("a b", kPlain);
  EXPECT_EQ(ids.back(), 3 + 256 + 3);  // "a▁b", not "a b"
}

struct PrefixCase {
  const char* name;
  SpacePrefix where;
  bool only_when_missing;
  std::string text;
  Texts pieces;
};

class SpacePrefixes : public testing::TestWithParam<PrefixCase> {};

TEST_P(SpacePrefixes, StandBeforeTexts) {
  Vocabulary vocabulary = SmallSentencePiece({"▁▁", "▁a", "▁", "a"});
  vocabulary.space_prefix = GetParam().where;
  vocabulary.prefix_only_when_missing = GetParam().only_when_missing;
  const Tokenizer tokenizer = Make(vocabulary);
  EXPECT_EQ(TextsOf(tokenizer, tokenizer.Encode(GetParam().text, kParsed)), GetParam().pieces);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, SpacePrefixes,
    testing::Values(PrefixCase{"never", SpacePrefix::kNever, false, "a</s>a", {"a", "</s>", "a"}},
                    PrefixCase{"first", SpacePrefix::kFirstText, false, "a</s>a", {" a", "</s>", "a"}},
                    PrefixCase{"first_is_special", SpacePrefix::kFirstText, false, "</s>a", {"</s>", "a"}},
                    PrefixCase{"every", SpacePrefix::kEveryText, false, "a</s>a", {" a", "</s>", " a"}},
                    PrefixCase{"always", SpacePrefix::kEveryText, false, " a", {"  ", "a"}},
                    PrefixCase{"when_missing", SpacePrefix::kEveryText, true, " a", {" a"}},
                    PrefixCase{"underline_is_a_space", SpacePrefix::kEveryText, true, "▁a", {" a"}},
                    PrefixCase{"empty", SpacePrefix::kEveryText, false, "", {}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(SentencePiece, TakesItsSpaceBackFromTheBeginningOfATextOnly) {
  const Tokenizer tokenizer = Make(SmallSentencePiece({"▁a", "▁", "a"}));
  const Ids ids = tokenizer.Encode("a a");
  EXPECT_EQ(tokenizer.Decode(ids), "a a");
  EXPECT_EQ(tokenizer.Decode(ids, {.begins_text = false}), " a a");
  EXPECT_EQ(tokenizer.Decode(ids, {.skip_special = false}), "<s> a a");
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("  a")), "  a");
}

TEST(ByteLevel, JoinsByTheFirstMergeAndWithinWords) {
  const Tokenizer tokenizer = Make(SmallByteLevel({{"l", "l"}, {"h", "e"}, {"he", "ll"}, {"o", " "}}));
  EXPECT_EQ(TextsOf(tokenizer, tokenizer.Encode("hello you")),
            (Texts{"hell", "o", " ", "y", "o", "u"}));  // "o " is never within a word
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("hello you")), "hello you");
}

TEST(ByteLevel, TakesWholeWordsOnlyWhereMergesAreIgnored) {
  Vocabulary vocabulary = SmallByteLevel({{"a", "b"}});
  AddToken(vocabulary, "abc");
  EXPECT_EQ(Make(vocabulary).Encode("abc").size(), 2);
  vocabulary.ignore_merges = true;
  EXPECT_EQ(Make(vocabulary).Encode("abc").size(), 1);
}

TEST(ByteLevel, NeverMakesAControlTokenByMerging) {
  Vocabulary vocabulary = SmallByteLevel({{"a", "b"}});
  EXPECT_EQ(Make(vocabulary).Encode("ab"), (Ids{256}));
  vocabulary.types[256] = TokenType::kControl;
  EXPECT_EQ(Make(vocabulary).Encode("ab"), (Ids{'a', 'b'}));
  vocabulary.ignore_merges = true;
  EXPECT_EQ(Make(vocabulary).Encode("ab"), (Ids{'a', 'b'}));
}

TEST(ByteLevel, NormalizesWhereTheModelDoes) {
  Vocabulary vocabulary = SmallByteLevel({{"a", "b"}});
  EXPECT_EQ(Make(vocabulary).Encode("e\xCC\x81").size(), 3);
  vocabulary.normalize_nfc = true;
  EXPECT_EQ(Make(vocabulary).Encode("e\xCC\x81"), (Ids{0xC3, 0xA9}));
}

TEST(InvalidUtf8, IsRepairedBeforeEncoding) {
  const Tokenizer tokenizer = Make(SmallByteLevel({{"a", "b"}}));
  EXPECT_EQ(tokenizer.Encode("a\xFF"
                             "b"),
            tokenizer.Encode("a\xEF\xBF\xBD"
                             "b"));
  // Half a character at the end of one segment does not meet its other half in the next.
  const PromptSegment halves[] = {{"\xC3", false}, {"\xA9", false}};
  EXPECT_EQ(tokenizer.Encode(halves, false), tokenizer.Encode("\xEF\xBF\xBD\xEF\xBF\xBD"));
}

// --- special tokens

Vocabulary WithSpecialTokens() {
  Vocabulary vocabulary = SmallByteLevel({{"a", "b"}});
  AddToken(vocabulary, "<|end|>!", TokenType::kControl);
  AddToken(vocabulary, "<|call|>", TokenType::kUserDefined);
  AddToken(vocabulary, "\v\v", TokenType::kUserDefined);
  vocabulary.strip_left = {AddToken(vocabulary, "<left>", TokenType::kControl)};
  vocabulary.strip_right = {AddToken(vocabulary, "<right>", TokenType::kControl)};
  return vocabulary;
}

struct SpecialCase {
  const char* name;
  std::vector<PromptSegment> segments;
  Texts pieces;
};

class SpecialTokenCases : public testing::TestWithParam<SpecialCase> {};

TEST_P(SpecialTokenCases, AreFoundWhereTheyMayBe) {
  const Tokenizer tokenizer = Make(WithSpecialTokens());
  const Ids ids = tokenizer.Encode(GetParam().segments, false);
  EXPECT_EQ(TextsOf(tokenizer, ids), GetParam().pieces);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, SpecialTokenCases,
    testing::Values(SpecialCase{"parsed", {{"a<|end|>b", true}}, {"a", "<|end|>", "b"}},
                    SpecialCase{"not_parsed", {{"<|end|>", false}}, {"<", "|", "e", "n", "d", "|", ">"}},
                    SpecialCase{"longest_first", {{"<|end|>!", true}}, {"<|end|>!"}},
                    SpecialCase{"leftmost_first", {{"<|<|end|>", true}}, {"<", "|", "<|end|>"}},
                    SpecialCase{"adjacent", {{"<|end|><|end|>", true}}, {"<|end|>", "<|end|>"}},
                    SpecialCase{"user_defined_always", {{"a<|call|>b", false}}, {"a", "<|call|>", "b"}},
                    SpecialCase{
                        "not_across_a_border", {{"<|end", true}, {"|>", false}}, {"<", "|", "e", "n", "d", "|", ">"}},
                    SpecialCase{"across_parsed_segments", {{"<|end", true}, {"|>", true}}, {"<|end|>"}},
                    SpecialCase{"text_joins_across_borders", {{"a", true}, {"b", false}}, {"ab"}},
                    SpecialCase{"strips_left", {{"a \n<left> b", true}}, {"a", "<left>", " ", "b"}},
                    SpecialCase{"strips_right", {{"a <right> \tb", true}}, {"a", " ", "<right>", "b"}},
                    SpecialCase{"strips_whitespace_tokens", {{"<right>\v\vb", true}}, {"<right>", "b"}},
                    SpecialCase{"strips_to_the_end", {{"<right>  ", true}}, {"<right>"}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(SpecialTokenMatcher, FindsMatchesThatDoNotOverlap) {
  const SpecialTokenMatcher matcher({{"aa", 1, false}, {"ab", 2, true}, {"aaab", 3, true}});
  const auto found = [&](std::string_view text, bool parse) {
    std::vector<std::pair<size_t, TokenId>> places;
    for (const auto& match : matcher.Find(text, parse)) places.emplace_back(match.begin, match.id);
    return places;
  };
  using Places = std::vector<std::pair<size_t, TokenId>>;
  EXPECT_EQ(found("aaaaab", true), (Places{{0, 1}, {2, 3}}));
  EXPECT_EQ(found("aaaaab", false), (Places{{0, 1}, {2, 1}}));
  EXPECT_EQ(found("aaa", true), (Places{{0, 1}}));
}

TEST(SpecialTokens, AreKnownByTheirIds) {
  Vocabulary vocabulary = WithSpecialTokens();
  AddKnownEndOfGeneration(vocabulary);
  const Tokenizer tokenizer = Make(vocabulary);
  const TokenId end = tokenizer.Encode("<|end|>", kParsed)[0];
  const TokenId call = tokenizer.Encode("<|call|>", kPlain)[0];
  EXPECT_TRUE(tokenizer.IsSpecial(end));
  EXPECT_TRUE(tokenizer.IsEndOfGeneration(end));
  EXPECT_EQ(tokenizer.eos(), end);
  EXPECT_FALSE(tokenizer.IsSpecial(call));
  EXPECT_TRUE(tokenizer.IsEndOfGeneration(call));
  EXPECT_FALSE(tokenizer.IsEndOfGeneration('a'));
  for (const TokenId outside : {-1, 1'000'000}) {
    EXPECT_FALSE(tokenizer.IsSpecial(outside));
    EXPECT_FALSE(tokenizer.IsEndOfGeneration(outside));
    EXPECT_EQ(tokenizer.TokenText(outside), "");
    EXPECT_EQ(tokenizer.Decode(Ids{'a', outside, 'b'}), "ab");
  }
}

TEST(FlatMap, KeepsTheFirstOfEqualKeys) {
  std::vector<std::pair<uint64_t, int>> entries;
  for (int i = 0; i < 1000; ++i) entries.emplace_back(uint64_t{1} << 32 | static_cast<uint64_t>(i % 500), i);
  const FlatMap<int> map(entries);
  for (uint64_t i = 0; i < 500; ++i) EXPECT_EQ(*map.Find(uint64_t{1} << 32 | i), i);
  EXPECT_EQ(map.Find(500), nullptr);
  EXPECT_EQ(FlatMap<int>().Find(0), nullptr);
}

// --- properties

// Byte-pair merging as it is defined: again and again, the best pair.
Texts MergedByDefinition(Texts symbols,
                         const std::function<std::optional<int>(const std::string&, const std::string&)>& rank) {
  while (true) {
    std::optional<int> best;
    size_t best_at = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto here = rank(symbols[i], symbols[i + 1]);
      if (here && (!best || *here < *best)) {
        best = here;
        best_at = i;
      }
    }
    if (!best) return symbols;
    symbols[best_at] += symbols[best_at + 1];
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best_at) + 1);
  }
}

Texts Characters(const std::string& word) {
  Texts characters;
  for (const char c : word) characters.emplace_back(1, c);
  return characters;
}

// Words over few letters, so that tokens repeat and overlap.
rc::Gen<std::string> Word(int most) {
  return rc::gen::resize(most, rc::gen::container<std::string>(rc::gen::elementOf(std::string("abc"))));
}

RC_GTEST_PROP(Merging, ByScoresIsTheDefinition, ()) {
  const auto pieces = *rc::gen::resize(40, rc::gen::container<std::vector<std::string>>(Word(6)));
  Vocabulary vocabulary = SmallSentencePiece({"a", "b"});  // "c" is no token
  vocabulary.space_prefix = SpacePrefix::kNever;
  std::map<std::string, float> scores;
  for (const std::string& piece : pieces) {
    if (piece.size() < 2 || scores.contains(piece)) continue;
    scores[piece] = static_cast<float>(*rc::gen::inRange(-3, 0));  // with ties
    AddToken(vocabulary, piece, TokenType::kNormal, scores[piece]);
  }
  const Tokenizer tokenizer = Make(vocabulary);
  const std::string word = *Word(100);
  const Texts expected =
      MergedByDefinition(Characters(word), [&](const auto& left, const auto& right) -> std::optional<int> {
        const auto found = scores.find(left + right);
        if (found == scores.end()) return std::nullopt;
        return -static_cast<int>(found->second);
      });
  RC_ASSERT(TextsOf(tokenizer, tokenizer.Encode(word, kPlain)) == expected);
}

RC_GTEST_PROP(Merging, ByMergesIsTheDefinition, ()) {
  Vocabulary vocabulary = SmallByteLevel({{"x", "y"}});
  std::map<std::pair<std::string, std::string>, int> ranks;
  Texts tokens = {"a", "b", "c"};
  for (int rank = 0; rank < 25; ++rank) {
    const auto pair = std::pair(*rc::gen::elementOf(tokens), *rc::gen::elementOf(tokens));
    if (!ranks.emplace(pair, rank).second) continue;
    vocabulary.merges.push_back(pair);
    if (std::ranges::find(tokens, pair.first + pair.second) != tokens.end()) continue;
    tokens.push_back(pair.first + pair.second);
    AddToken(vocabulary, tokens.back());
  }
  const Tokenizer tokenizer = Make(vocabulary);
  const std::string word = *Word(100);
  const Texts expected =
      MergedByDefinition(Characters(word), [&](const auto& left, const auto& right) -> std::optional<int> {
        const auto found = ranks.find({left, right});
        return found == ranks.end() ? std::nullopt : std::optional(found->second);
      });
  RC_ASSERT(TextsOf(tokenizer, tokenizer.Encode(word, kPlain)) == expected);
}

// Cutting at spaces must not change what the whole text would have become.
RC_GTEST_PROP(Merging, OfSpacesIsTheSameCutOrWhole, ()) {
  Vocabulary vocabulary = SmallSentencePiece({"▁a", "▁▁", "ab", "▁", "a", "b"});
  vocabulary.space_prefix = SpacePrefix::kNever;
  const Tokenizer cut = Make(vocabulary);
  AddToken(vocabulary, "zz▁zz", TokenType::kNormal, -100);  // a space inside: texts can no longer be cut
  const Tokenizer whole = Make(vocabulary);
  const std::string text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab  ")));
  RC_ASSERT(cut.Encode(text, kPlain) == whole.Encode(text, kPlain));
}

// Random bytes, a third of them from real characters.
rc::Gen<std::string> Bytes() {
  return rc::gen::map(rc::gen::container<Texts>(rc::gen::oneOf(
                          rc::gen::elementOf(Texts{"a", " ", "é", "我", "🌊", "<|end|>", "ab", "</s>"}),
                          rc::gen::map(rc::gen::arbitrary<char>(), [](char c) { return std::string(1, c); }))),
                      [](const Texts& parts) {
                        std::string joined;
                        for (const std::string& part : parts) joined += part;
                        return joined;
                      });
}

RC_GTEST_PROP(RoundTrip, GivesTheRepairedText, ()) {
  static const Tokenizer byte_level = Make(SmallByteLevel({{"a", "b"}, {"\xE6", "\x88"}, {"\xE6\x88", "\x91"}}));
  static const Tokenizer sentence_piece = Make(SmallSentencePiece({"▁a", "ab", "▁", "a", "我"}));
  const std::string text = *Bytes();
  for (const Tokenizer* tokenizer : {&byte_level, &sentence_piece}) {
    RC_ASSERT(tokenizer->Decode(tokenizer->Encode(text)) == RepairUtf8(text));
    RC_ASSERT(tokenizer->Decode(tokenizer->Encode(text, kParsed), {.skip_special = false}) == RepairUtf8(text) ||
              tokenizer == &sentence_piece);  // which puts spaces behind special tokens
  }
}

RC_GTEST_PROP(Streaming, EmitsWholeCharactersThatAddUpToTheDecodedText, ()) {
  static const Tokenizer byte_level = Make(SmallByteLevel({{"\xE6", "\x88"}, {"\x91", "a"}, {"\xF0", "\x9F"}}));
  static const Tokenizer sentence_piece = Make(SmallSentencePiece({"▁a", "▁", "a", "我"}));
  const Tokenizer& tokenizer = *rc::gen::arbitrary<bool>() ? byte_level : sentence_piece;
  const DecodeOptions options = {.skip_special = *rc::gen::arbitrary<bool>(),
                                 .begins_text = *rc::gen::arbitrary<bool>()};
  Ids ids = tokenizer.Encode(*Bytes(), kParsed);
  const auto size = static_cast<TokenId>(tokenizer.vocab_size());
  for (const TokenId id : *rc::gen::container<Ids>(rc::gen::inRange(-1, size + 1))) ids.push_back(id);
  StreamingDetokenizer detokenizer(tokenizer, options);
  std::string joined;
  for (const TokenId id : ids) {
    const std::string text = detokenizer.Append(id);
    RC_ASSERT(IsValidUtf8(text));
    joined += text;
  }
  joined += detokenizer.Flush();
  RC_ASSERT(joined == tokenizer.Decode(ids, options));
}

TEST(Streaming, HoldsBackHalfACharacterAndGivesUpWhenItCannotBecomeOne) {
  const Tokenizer tokenizer = Make(SmallByteLevel({{"a", "b"}}));
  StreamingDetokenizer detokenizer(tokenizer, {});
  EXPECT_EQ(detokenizer.Append(0xE6), "");
  EXPECT_EQ(detokenizer.Append(0x88), "");
  EXPECT_EQ(detokenizer.Append(0x91), "我");
  EXPECT_EQ(detokenizer.Append(0xE6), "");
  EXPECT_EQ(detokenizer.Append('a'),
            "\xEF\xBF\xBD"
            "a");
  EXPECT_EQ(detokenizer.Append(0xF0), "");
  EXPECT_EQ(detokenizer.Flush(), "\xEF\xBF\xBD");
  EXPECT_EQ(detokenizer.Flush(), "");
}

// --- cost

TEST(Cost, IsNearLinearInTheLengthOfAWord) {
  Vocabulary pieces = SmallSentencePiece({"aaaa", "aa", "▁▁▁▁", "▁▁", "▁", "a"});
  AddToken(pieces, "a▁a", TokenType::kNormal, -9);  // keeps spaces from ending words
  const Tokenizer sentence_piece = Make(pieces);
  const Tokenizer byte_level = Make(SmallByteLevel({{"a", "a"}, {"aa", "aa"}, {" ", " "}, {"  ", "  "}}));
  for (const Tokenizer* tokenizer : {&sentence_piece, &byte_level}) {
    for (const char unit : {'a', ' ', '\xFF'}) {
      const std::string text(200'000, unit);
      const auto start = std::chrono::steady_clock::now();
      const Ids ids = tokenizer->Encode(text);
      EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10)) << static_cast<int>(unit);
      EXPECT_EQ(tokenizer->Decode(ids), RepairUtf8(text));
    }
  }
}

// --- what is refused

struct CorruptCase {
  const char* name;
  std::function<void(Vocabulary&)> corrupt;
  const char* message;
};

class CorruptVocabulary : public testing::TestWithParam<CorruptCase> {};

TEST_P(CorruptVocabulary, IsRefusedWithTheSourceAndTheField) {
  Vocabulary vocabulary = SmallByteLevel({{"a", "b"}});
  GetParam().corrupt(vocabulary);
  const auto tokenizer = Tokenizer::Create(vocabulary);
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(tokenizer.error().message,
              testing::AllOf(testing::StartsWith("small: "), testing::HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, CorruptVocabulary,
    testing::Values(
        CorruptCase{"empty", [](Vocabulary& v) { v.tokens.clear(); }, "no tokens"},
        CorruptCase{"types", [](Vocabulary& v) { v.types.pop_back(); }, "token types"},
        CorruptCase{"scores",
                    [](Vocabulary& v) {
                      v.scores = {1, 2};
                    },
                    "2 scores"},
        CorruptCase{"no_merges", [](Vocabulary& v) { v.merges.clear(); }, "neither merges nor scores"},
        CorruptCase{"merge", [](Vocabulary& v) { v.merges.emplace_back("a", "c"); }, "\"ac\", which is not a token"},
        CorruptCase{"bos", [](Vocabulary& v) { v.bos = 258; }, "beginning-of-text token is 258"},
        CorruptCase{"eos", [](Vocabulary& v) { v.eos = -2; }, "end-of-text token is -2"},
        CorruptCase{"unknown", [](Vocabulary& v) { v.unknown = 9999; }, "unknown token is 9999"},
        CorruptCase{"end", [](Vocabulary& v) { v.end_of_generation = {9999}; }, "end-of-generation token is 9999"},
        CorruptCase{"strip", [](Vocabulary& v) { v.strip_left = {9999}; }, "whitespace-stripping token is 9999"},
        CorruptCase{"add_bos", [](Vocabulary& v) { v.add_bos = true; }, "none is named"},
        CorruptCase{"add_eos", [](Vocabulary& v) { v.add_eos = true, v.eos = kNoToken; }, "none is named"},
        CorruptCase{"byte",
                    [](Vocabulary& v) {
                      v.kind = VocabularyKind::kSentencePiece;
                      v.types[0] = TokenType::kByte;
                    },
                    "token 0 is a byte"},
        CorruptCase{"score_nan",
                    [](Vocabulary& v) { v.scores.assign(v.tokens.size(), std::numeric_limits<float>::quiet_NaN()); },
                    "score is not a number"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tenfold::tokenizer
