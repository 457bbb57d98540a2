#include "tenfold/tokenizer/bpe_trainer.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tenfold/base/test_data.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/byte_alphabet.h"
#include "tenfold/tokenizer/known_pre_tokenizers.h"
#include "tenfold/tokenizer/text_cut.h"
#include "tenfold/tokenizer/tokenizer.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer {
namespace {

using Merges = std::vector<std::pair<std::string, std::string>>;
using Alphabet = BpeTrainerOptions::Alphabet;

Vocabulary Train(std::vector<std::string_view> texts, const BpeTrainerOptions& options) {
  auto vocabulary = TrainBpe(texts, options);
  EXPECT_TRUE(vocabulary) << vocabulary.error().message;
  return vocabulary ? std::move(*vocabulary) : Vocabulary{};
}

Tokenizer Make(Vocabulary vocabulary) {
  auto tokenizer = Tokenizer::Create(std::move(vocabulary));
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return std::move(*tokenizer);
}

// The example of Sennrich et al.: low x 5, lower x 2, newest x 6, widest x 3, one word a line.
std::string LowerNewestWidest() {
  std::string text;
  const auto add = [&](const char* word, int count) {
    for (int i = 0; i < count; ++i) text += std::string(word) + "\n";
  };
  add("low", 5);
  add("lower", 2);
  add("newest", 6);
  add("widest", 3);
  return text;
}

TEST(BpeTrainer, FindsTheMergesOfAnExampleWorkedOutByHand) {
  const std::string text = LowerNewestWidest();
  // Line breaks are pieces of their own. es 9, st 9: e < s, so "es" goes first. Then est 9; then lo 7 and ow 7: l < o.
  // low 7. Then ne, ew and wes... are 6: (e, w) has the smallest ids; (n, ew); (new, est).
  const Vocabulary vocabulary = Train({text}, {.vocabulary_size = 256 + 8 + 1});
  EXPECT_EQ(
      vocabulary.merges,
      (Merges{
          {"e", "s"}, {"es", "t"}, {"l", "o"}, {"lo", "w"}, {"e", "w"}, {"n", "ew"}, {"new", "est"}, {"d", "est"}}));
  EXPECT_EQ(vocabulary.tokens[256], "es");
  EXPECT_EQ(vocabulary.tokens[263], "dest");
  EXPECT_EQ(vocabulary.tokens[264], "<|endoftext|>");
  EXPECT_EQ(vocabulary.types[264], TokenType::kControl);
  EXPECT_EQ(vocabulary.eos, 264);
  EXPECT_EQ(vocabulary.tokens.size(), 265);
}

TEST(BpeTrainer, CountsOverlappingPairsAndJoinsFromTheLeft) {
  // "aaaaa" holds "aa" four times and becomes aa aa a; "bcbcbc" holds "bc" three times.
  const Vocabulary vocabulary = Train({"aaaaa bcbcbc"}, {.vocabulary_size = 256 + 3, .special_tokens = {}});
  EXPECT_EQ(vocabulary.merges, (Merges{{"a", "a"}, {"b", "c"}, {"bc", "bc"}}));
}

TEST(BpeTrainer, StopsWhereNoPairIsFrequentEnough) {
  const BpeTrainerOptions options{.vocabulary_size = 1000, .special_tokens = {}, .min_frequency = 3};
  EXPECT_EQ(Train({"ab ab ab cd cd"}, options).merges, (Merges{{"a", "b"}}));
}

TEST(BpeTrainer, CutsSpecialTokensOutAndNeverMakesThem) {
  const BpeTrainerOptions options{.vocabulary_size = 270, .special_tokens = {"<|end|>", "xy"}, .min_frequency = 1};
  const Vocabulary vocabulary = Train({"<|end|><|end|><|end|>xy xy xy x", "y a"}, options);
  EXPECT_EQ(vocabulary.merges, (Merges{{"Ġ", "a"}, {"Ġ", "x"}}));
  const Tokenizer tokenizer = Make(vocabulary);
  const std::vector<TokenId> ids = tokenizer.Encode("x<|end|>y", {.add_special = false, .parse_special = true});
  EXPECT_EQ(ids, (std::vector<TokenId>{'x', 258, 'y'}));
  EXPECT_TRUE(tokenizer.IsEndOfGeneration(258));
}

TEST(BpeTrainer, NeverMakesATokenThatIsWrittenAsASpecialTokenIs) {
  const BpeTrainerOptions options{.vocabulary_size = 270, .special_tokens = {"Ġx"}};
  EXPECT_EQ(Train({" xz xz"}, options).merges, (Merges{{"x", "z"}, {"Ġ", "xz"}}));
}

// nanoGPT's vocabulary: the characters that occur, in order.
TEST(BpeTrainer, BytesThatOccurAreACharacterLevelVocabulary) {
  const BpeTrainerOptions options{.vocabulary_size = 0, .alphabet = Alphabet::kBytesThatOccur, .special_tokens = {}};
  const Vocabulary vocabulary = Train({"hello there\n"}, options);
  EXPECT_EQ(vocabulary.tokens, (std::vector<std::string>{"Ċ", "Ġ", "e", "h", "l", "o", "r", "t"}));
  EXPECT_EQ(vocabulary.bos, kNoToken);
  const Tokenizer tokenizer = Make(vocabulary);
  EXPECT_EQ(tokenizer.Encode("hello\n"), (std::vector<TokenId>{3, 2, 4, 4, 5, 0}));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("lo there")), "lo there");
}

TEST(BpeTrainer, TinyshakespeareHas65Characters) {
  REQUIRE_SHARED("text/tinyshakespeare.txt");
  const std::string text = platform::ReadTextFile(SharedData("text/tinyshakespeare.txt")).value();
  const Vocabulary vocabulary =
      Train({text}, {.vocabulary_size = 0, .alphabet = Alphabet::kBytesThatOccur, .special_tokens = {}});
  EXPECT_EQ(vocabulary.tokens.size(), 65);
  const Tokenizer tokenizer = Make(vocabulary);
  const std::vector<TokenId> ids = tokenizer.Encode(text);
  EXPECT_EQ(ids.size(), text.size());
  EXPECT_EQ(tokenizer.Decode(ids), text);
}

// --- against a trainer that is right by reading it

Vocabulary NaiveTrain(const std::vector<std::string>& pieces, size_t num_tokens, int64_t min_frequency) {
  Vocabulary vocabulary;
  std::map<std::string, int> ids;
  const auto add = [&](const std::string& text) {
    vocabulary.tokens.push_back(text);
    return ids[text] = static_cast<int>(vocabulary.tokens.size()) - 1;
  };
  for (int byte = 0; byte < 256; ++byte) add(BytesToAlphabet(std::string(1, static_cast<char>(byte))));
  std::vector<std::vector<int>> words;
  for (const std::string& piece : pieces) {
    auto& word = words.emplace_back();
    for (const char byte : piece) word.push_back(static_cast<uint8_t>(byte));
  }
  while (vocabulary.tokens.size() < num_tokens) {
    std::map<std::pair<int, int>, int64_t> counts;
    for (const auto& word : words) {
      for (size_t i = 0; i + 1 < word.size(); ++i) ++counts[{word[i], word[i + 1]}];
    }
    std::pair<int, int> best;
    int64_t best_count = 0;
    for (const auto& [pair, count] : counts) {  // in the order of their ids
      if (count > best_count) best = pair, best_count = count;
    }
    if (best_count < min_frequency) break;
    const std::string left = vocabulary.tokens[static_cast<size_t>(best.first)];
    const std::string right = vocabulary.tokens[static_cast<size_t>(best.second)];
    vocabulary.merges.emplace_back(left, right);
    const auto found = ids.find(left + right);
    const int joined = found == ids.end() ? add(left + right) : found->second;
    for (auto& word : words) {
      std::vector<int> shorter;
      for (size_t i = 0; i < word.size(); ++i) {
        const bool joins = i + 1 < word.size() && word[i] == best.first && word[i + 1] == best.second;
        shorter.push_back(joins ? joined : word[i]);
        if (joins) ++i;
      }
      word = std::move(shorter);
    }
  }
  return vocabulary;
}

RC_GTEST_PROP(BpeTrainerProperty, EqualsTheNaiveTrainer, ()) {
  // Few characters, so that counts tie, pairs overlap and tokens are found in two ways.
  const auto text = *rc::gen::container<std::string>(
      rc::gen::weightedElement<char>({{10, 'a'}, {8, 'b'}, {3, 'c'}, {3, ' '}, {1, '\n'}, {1, '1'}}));
  const auto num_merges = *rc::gen::inRange<size_t>(0, 60);
  const auto min_frequency = *rc::gen::inRange<int64_t>(1, 4);
  const auto splitter = PreTokenizer::Create(FindPreTokenizer("gpt-2")->splits, "test").value();
  std::vector<std::string> pieces;
  for (const std::string_view piece : splitter.Split(text)) pieces.emplace_back(piece);
  const Vocabulary expected = NaiveTrain(pieces, 256 + num_merges, min_frequency);
  const std::vector<std::string_view> texts = {text};
  const auto trained = TrainBpe(texts, {.vocabulary_size = static_cast<int64_t>(256 + num_merges),
                                        .special_tokens = {},
                                        .min_frequency = min_frequency});
  RC_ASSERT(trained.has_value());
  RC_ASSERT(trained->merges == expected.merges);
  RC_ASSERT(trained->tokens == expected.tokens);
}

TEST(BpeTrainer, EqualsTheNaiveTrainerOnLongPieces) {
  std::string text;  // one piece of letters, a walk through few of them
  for (uint32_t i = 0, state = 1; i < 3000; ++i) {
    state = state * 1664525 + 1013904223;
    text += static_cast<char>('a' + (state >> 24) % 3);
  }
  const Vocabulary expected = NaiveTrain({text}, 256 + 400, 2);
  const Vocabulary trained = Train({text}, {.vocabulary_size = 256 + 400, .special_tokens = {}});
  EXPECT_EQ(trained.merges, expected.merges);
  EXPECT_EQ(trained.tokens, expected.tokens);
}

// --- what it makes is a tokenizer

RC_GTEST_PROP(BpeTrainerProperty, ArbitraryBytesComeBackRepaired, (const std::string& bytes)) {
  static const Tokenizer tokenizer = Make(Train({LowerNewestWidest()}, {.vocabulary_size = 270}));
  RC_ASSERT(tokenizer.Decode(tokenizer.Encode(bytes)) == RepairUtf8(bytes));
}

TEST(BpeTrainer, TakesTextsThatAreNotUtf8AndTextsInPieces) {
  const std::string_view broken("ab\xFF\xFE ab\xC3", 7);
  const Vocabulary vocabulary = Train({broken, "ab"}, {.vocabulary_size = 258, .special_tokens = {}});
  EXPECT_EQ(vocabulary.tokens.size(), 258);
  EXPECT_EQ(vocabulary.merges[0], (std::pair<std::string, std::string>{"a", "b"}));
}

// --- cutting

TEST(TextCut, CutsBetweenWords) {
  EXPECT_EQ(FirstChunkBytes("one two three", 13), 13);
  EXPECT_EQ(FirstChunkBytes("one two three", 12), 7);
  EXPECT_EQ(FirstChunkBytes("one two three", 7), 7);
  EXPECT_EQ(FirstChunkBytes("one two three", 6), 3);
  EXPECT_EQ(FirstChunkBytes("one. 2 three", 11), 11) << "no letters on both sides";
  EXPECT_EQ(FirstChunkBytes("我我我", 5), 3) << "whole characters";
  EXPECT_EQ(FirstChunkBytes("", 5), 0);
}

TEST(TextCut, ChunksHaveTheIdsOfTheWhole) {
  REQUIRE_SHARED("text/tales-val.txt");
  const std::string text = platform::ReadTextFile(SharedData("text/tales-val.txt")).value().substr(0, 200'000);
  const Tokenizer tokenizer = Make(Train({text}, {.vocabulary_size = 2000}));
  std::vector<TokenId> ids;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t size = FirstChunkBytes(rest, 1000);
    const auto more = tokenizer.Encode(rest.substr(0, size));
    ids.insert(ids.end(), more.begin(), more.end());
    rest.remove_prefix(size);
  }
  EXPECT_EQ(ids, tokenizer.Encode(text));
}

// --- what is refused

struct RefusedCase {
  const char* name;
  BpeTrainerOptions options;
  ErrorCode code;
  const char* message;
};

class RefusedTraining : public testing::TestWithParam<RefusedCase> {};

TEST_P(RefusedTraining, SaysWhy) {
  const std::vector<std::string_view> texts = {""};
  const auto vocabulary = TrainBpe(texts, GetParam().options);
  ASSERT_FALSE(vocabulary);
  EXPECT_EQ(vocabulary.error().code, GetParam().code);
  EXPECT_THAT(vocabulary.error().message, testing::HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Options, RefusedTraining,
    testing::Values(
        RefusedCase{"too_small", {.vocabulary_size = 256}, ErrorCode::kInvalidArgument, "ask for at least 257"},
        RefusedCase{"negative", {.vocabulary_size = -1}, ErrorCode::kInvalidArgument, "must be 0 to"},
        RefusedCase{"huge", {.vocabulary_size = INT64_MAX}, ErrorCode::kInvalidArgument, "must be 0 to"},
        RefusedCase{
            "no_text", {.alphabet = Alphabet::kBytesThatOccur}, ErrorCode::kInvalidArgument, "the texts are empty"},
        RefusedCase{"empty_special", {.special_tokens = {""}}, ErrorCode::kInvalidArgument, "must not be empty"},
        RefusedCase{"broken_special", {.special_tokens = {"\xFF"}}, ErrorCode::kInvalidArgument, "not valid UTF-8"},
        RefusedCase{"twice", {.special_tokens = {"<a>", "<a>"}}, ErrorCode::kInvalidArgument, "given twice"},
        RefusedCase{"byte_special", {.special_tokens = {"Ġ"}}, ErrorCode::kInvalidArgument, "the token of a byte"},
        RefusedCase{"frequency", {.min_frequency = 0}, ErrorCode::kInvalidArgument, "at least 1"},
        RefusedCase{"pre_tokenizer", {.pre_tokenizer = "gpt2"}, ErrorCode::kUnsupported, "unknown pre-tokenizer"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tenfold::tokenizer
