#include "tenfold/tokenizer/vocabulary_hash.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/test_data.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/bpe_trainer.h"
#include "tenfold/tokenizer/small_vocabulary.h"
#include "tenfold/tokenizer/tokenizer.h"
#include "tenfold/tokenizer/tokenizer_json.h"
#include "tenfold/tokenizer/tokenizer_json_writer.h"

namespace tenfold::tokenizer {
namespace {

Vocabulary WrittenAndRead(const Vocabulary& vocabulary) {
  const auto text = TokenizerJson(vocabulary);
  EXPECT_TRUE(text) << text.error().message;
  const std::string config = json::serialize(TokenizerConfigJson(vocabulary));
  auto read = ParseTokenizerJson(json::serialize(*text), config, "written");
  EXPECT_TRUE(read) << read.error().message;
  return std::move(*read);
}

struct Change {
  const char* name;
  bool changes_ids;
  std::function<void(Vocabulary&)> change;
};

class HashOfAVocabulary : public testing::TestWithParam<Change> {};

TEST_P(HashOfAVocabulary, IsOfWhatDecidesIdsAndOutlivesAFile) {
  const Vocabulary vocabulary = SmallByteLevel({{"a", "b"}, {"c", "d"}});
  Vocabulary changed = vocabulary;
  GetParam().change(changed);
  EXPECT_EQ(HashVocabulary(changed) != HashVocabulary(vocabulary), GetParam().changes_ids);
  EXPECT_EQ(HashVocabulary(WrittenAndRead(changed)), HashVocabulary(changed));
}

INSTANTIATE_TEST_SUITE_P(
    Changes, HashOfAVocabulary,
    testing::Values(
        Change{"merges", true, [](Vocabulary& v) { std::swap(v.merges[0], v.merges[1]); }},
        Change{"tokens", true, [](Vocabulary& v) { std::swap(v.tokens[0], v.tokens[1]); }},
        Change{"types", true, [](Vocabulary& v) { v.types.back() = TokenType::kUserDefined; }},
        Change{"more", true, [](Vocabulary& v) { AddToken(v, "<x>", TokenType::kControl); }},
        Change{"unknown", true, [](Vocabulary& v) { v.unknown = AddToken(v, "<unk>", TokenType::kUnknown); }},
        Change{"splits", true, [](Vocabulary& v) { v.splits[0].invert = true; }},
        Change{"behavior", true, [](Vocabulary& v) { v.splits[0].behavior = SplitBehavior::kRemoved; }},
        Change{"no_splits", true, [](Vocabulary& v) { v.splits.clear(); }},
        Change{"nfc", true, [](Vocabulary& v) { v.normalize_nfc = true; }},
        Change{"whole_words", true, [](Vocabulary& v) { v.ignore_merges = true; }},
        Change{"strips", true, [](Vocabulary& v) { v.strip_left = {v.eos}; }},
        Change{"prefix", true,
               [](Vocabulary& v) {
                 v.space_prefix = SpacePrefix::kEveryText;
                 v.prefix_only_when_missing = true;
               }},
        Change{"hole", false, [](Vocabulary& v) { AddToken(v, "", TokenType::kUnused); }},
        Change{"source", false, [](Vocabulary& v) { v.source = "another"; }},
        Change{"ends", false, [](Vocabulary& v) { v.bos = v.eos, v.add_bos = true; }},
        Change{"template", false, [](Vocabulary& v) { v.chat_template = "x"; }},
        Change{"other_kinds_fields", false, [](Vocabulary& v) { v.spaces_are_underlined = v.byte_fallback = false; }}),
    [](const auto& test) { return std::string(test.param.name); });

// GGUF files of models whose table is longer than their vocabulary have these.
TEST(HashVocabulary, IgnoresPadding) {
  const Vocabulary vocabulary = SmallByteLevel({{"a", "b"}});
  Vocabulary padded = vocabulary;
  AddToken(padded, "[PAD258]", TokenType::kUnused);
  EXPECT_EQ(HashVocabulary(padded), HashVocabulary(vocabulary));
}

TEST(HashVocabulary, KnowsTrainedOnesAgainWhichGiveTheSameIds) {
  REQUIRE_SHARED("text/tales-val.txt");
  const std::string text = platform::ReadTextFile(SharedData("text/tales-val.txt")).value().substr(0, 300'000);
  const std::vector<std::string_view> texts = {text};
  using Alphabet = BpeTrainerOptions::Alphabet;
  for (const BpeTrainerOptions& options :
       {BpeTrainerOptions{.vocabulary_size = 1500, .special_tokens = {"<|endoftext|>", "<|user|>"}},
        {.vocabulary_size = 0, .alphabet = Alphabet::kBytesThatOccur, .special_tokens = {}},
        {.vocabulary_size = 1000, .pre_tokenizer = "llama-bpe"}}) {
    const Vocabulary vocabulary = TrainBpe(texts, options).value();
    const Vocabulary read = WrittenAndRead(vocabulary);
    EXPECT_EQ(HashVocabulary(read), HashVocabulary(vocabulary));
    const Tokenizer before = Tokenizer::Create(vocabulary).value(), after = Tokenizer::Create(read).value();
    const EncodeOptions parsed = {.parse_special = true};
    EXPECT_EQ(after.Encode("<|user|>Hi<|endoftext|>" + text, parsed),
              before.Encode("<|user|>Hi<|endoftext|>" + text, parsed));
  }
}

}  // namespace
}  // namespace tenfold::tokenizer
