#include "tenfold/tokenizer/tokenizer_json.h"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/random.h"
#include "tenfold/base/test_data.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::tokenizer {
namespace {

using Ids = std::vector<TokenId>;
using Texts = std::vector<std::string>;

// A Llama-like file: merges over text, spaces as "▁".
constexpr std::string_view kSentencePiece = R"({
  "added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true},
                   {"id": 9, "content": "<tool>", "special": false}],
  "normalizer": {"type": "Sequence", "normalizers": [
      {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
  "pre_tokenizer": null,
  "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]},
  "decoder": {"type": "Sequence", "decoders": [
      {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
      {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
  "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
      "vocab": {"<unk>": 0, "<s>": 1, "<0xC3>": 2, "<0xA9>": 3, "▁": 4, "a": 5, "b": 6, "ab": 7, "▁ab": 8},
      "merges": ["a b", "▁ ab"]}})";

// A Llama-3-like file: bytes, and a pattern of its own.
constexpr std::string_view kByteLevel = R"({
  "added_tokens": [{"id": 6, "content": "<|end|>", "special": true, "rstrip": true}],
  "normalizer": {"type": "NFC"},
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "\\p{N}{1,2}"}, "behavior": "Isolated", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]},
  "post_processor": {"type": "ByteLevel"},
  "decoder": {"type": "ByteLevel"},
  "model": {"type": "BPE", "ignore_merges": true,
      "vocab": {"1": 0, "a": 1, "Ġ": 2, "Ġa": 3, "11": 4, "111": 5},
      "merges": [["Ġ", "a"], ["1", "1"], ["11", "1"]]}})";

// `text` with one part replaced.
std::string With(std::string_view text, std::string_view from, std::string_view to) {
  std::string changed(text);
  const size_t at = changed.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return changed.replace(at, from.size(), to);
}

Tokenizer Make(std::string_view tokenizer_json, std::string_view config = {}) {
  auto vocabulary = ParseTokenizerJson(tokenizer_json, config, "file");
  EXPECT_TRUE(vocabulary) << vocabulary.error().message;
  return std::move(*Tokenizer::Create(std::move(*vocabulary)));
}

Texts Pieces(const Tokenizer& tokenizer, std::string_view text) {
  Texts pieces;
  for (const TokenId id : tokenizer.Encode(text, {.add_special = true, .parse_special = true})) {
    pieces.emplace_back(tokenizer.TokenText(id));
  }
  return pieces;
}

TEST(TokenizerJson, ReadsTextModels) {
  const Tokenizer tokenizer = Make(kSentencePiece);
  EXPECT_EQ(Pieces(tokenizer, "ab abé"), (Texts{"<s>", " ab", " ab", "\xC3", "\xA9"}));
  EXPECT_EQ(Pieces(tokenizer, "我我"), (Texts{"<s>", " ", "<unk>"}));
  EXPECT_EQ(Pieces(tokenizer, "a<tool>a"), (Texts{"<s>", " ", "a", "<tool>", " ", "a"}));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("ab abé")), "ab abé");
  EXPECT_EQ(tokenizer.bos(), 1);
}

TEST(TokenizerJson, ReadsByteModels) {
  const Tokenizer tokenizer = Make(kByteLevel);
  EXPECT_EQ(Pieces(tokenizer, "a a111"), (Texts{"a", " a", "11", "1"}));
  EXPECT_EQ(Pieces(tokenizer, "a<|end|>  a"), (Texts{"a", "<|end|>", "a"}));
  EXPECT_TRUE(tokenizer.IsEndOfGeneration(6));
}

TEST(TokenizerJson, PutsASpaceBeforeByteTextsWhereAsked) {
  const std::string json =
      With(With(kByteLevel, R"("add_prefix_space": false)", R"("add_prefix_space": true)"),
           R"({"type": "Split", "pattern": {"Regex": "\\p{N}{1,2}"}, "behavior": "Isolated", "invert": false},)", "");
  EXPECT_EQ(Pieces(Make(json), "a"), (Texts{" a"}));
  EXPECT_EQ(Pieces(Make(json), " a"), (Texts{" a"}));
}

TEST(TokenizerJson, ReadsMetaspace) {
  const auto with_metaspace = [](std::string_view scheme) {
    const size_t begin = kSentencePiece.find(R"("normalizer")");
    const size_t end = kSentencePiece.find(R"("post_processor")");
    return std::string(kSentencePiece.substr(0, begin)) +
           R"("pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "split": true, "prepend_scheme": ")" +
           std::string(scheme) + R"("}, )" + std::string(kSentencePiece.substr(end));
  };
  EXPECT_EQ(Pieces(Make(with_metaspace("always")), "ab<tool>ab"), (Texts{"<s>", " ab", "<tool>", " ab"}));
  EXPECT_EQ(Pieces(Make(with_metaspace("always")), " ab"), (Texts{"<s>", " ab"}));
  EXPECT_EQ(Pieces(Make(with_metaspace("first")), "ab<tool>ab"), (Texts{"<s>", " ab", "<tool>", "ab"}));
  EXPECT_EQ(Pieces(Make(with_metaspace("never")), "ab"), (Texts{"<s>", "ab"}));
}

TEST(TokenizerJson, ReadsDigitsAndPunctuation) {
  const std::string_view split =
      R"({"type": "Split", "pattern": {"Regex": "\\p{N}{1,2}"}, "behavior": "Isolated", "invert": false})";
  const auto pieces = [&](std::string_view step) { return Pieces(Make(With(kByteLevel, split, step)), "111a"); };
  EXPECT_EQ(pieces(R"({"type": "Digits", "individual_digits": true})"), (Texts{"1", "1", "1", "a"}));
  EXPECT_EQ(pieces(R"({"type": "Digits", "individual_digits": false})"), (Texts{"111", "a"}));
  EXPECT_EQ(pieces(R"({"type": "Punctuation", "behavior": "Isolated"})"), (Texts{"111", "a"}));
  EXPECT_EQ(pieces(R"({"type": "Split", "pattern": {"String": "1"}, "behavior": "Removed"})"), (Texts{"a"}));
}

TEST(TokenizerConfig, NamesTokensAndTheChatTemplate) {
  const Tokenizer tokenizer = Make(kSentencePiece, R"({"bos_token": {"content": "a"}, "eos_token": "b",
      "pad_token": null, "add_bos_token": false, "add_eos_token": true,
      "chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]})");
  EXPECT_EQ(Pieces(tokenizer, "ab"), (Texts{" ab", "b"}));
  EXPECT_EQ(tokenizer.bos(), 5);
  EXPECT_TRUE(tokenizer.IsEndOfGeneration(6));
  EXPECT_EQ(tokenizer.chat_template(), "D");
  EXPECT_EQ(Make(kSentencePiece, R"({"chat_template": "X"})").chat_template(), "X");
}

struct RefusedCase {
  const char* name;
  std::string json;
  std::string config;
  ErrorCode code;
  const char* message;
};

class Refused : public testing::TestWithParam<RefusedCase> {};

TEST_P(Refused, WithTheSourceAndTheField) {
  const auto vocabulary = ParseTokenizerJson(GetParam().json, GetParam().config, "file");
  ASSERT_FALSE(vocabulary);
  EXPECT_EQ(vocabulary.error().code, GetParam().code) << vocabulary.error().message;
  EXPECT_THAT(vocabulary.error().message,
              testing::AllOf(testing::StartsWith("file: "), testing::HasSubstr(GetParam().message)));
}

// The text model with one part of the file replaced.
RefusedCase Changed(const char* name, std::string_view from, std::string_view to, ErrorCode code, const char* message) {
  return {name, With(kSentencePiece, from, to), "", code, message};
}
RefusedCase ChangedBytes(const char* name, std::string_view from, std::string_view to, ErrorCode code,
                         const char* message) {
  return {name, With(kByteLevel, from, to), "", code, message};
}

constexpr ErrorCode kInvalid = ErrorCode::kInvalidArgument;
constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;
constexpr ErrorCode kCorrupt = ErrorCode::kCorrupt;

INSTANTIATE_TEST_SUITE_P(
    Files, Refused,
    testing::Values(
        RefusedCase{"cut_short", std::string(kSentencePiece.substr(0, 500)), "", kInvalid, "not valid JSON"},
        RefusedCase{"no_object", "[]", "", kInvalid, "must be an object, not an array"},
        RefusedCase{"no_model", "{}", "", kInvalid, "\"model\": must be an object, not null"},
        Changed("unigram", R"("type": "BPE")", R"("type": "Unigram")", kUnsupported, "type \"Unigram\""),
        Changed("vocab_is_a_list", R"("vocab": {)", R"("vocab": [], "was": {)", kInvalid, "\"vocab\""),
        Changed("merges_are_a_number", R"("merges": [)", R"("merges": 1, "was": [)", kInvalid, "\"merges\""),
        Changed("merge_of_one", R"("a b")", R"("ab")", kInvalid, "merge 0 must be"),
        Changed("merge_of_three", R"("a b")", R"(["a", "b", "c"])", kInvalid, "merge 0 must be"),
        Changed("id_is_text", R"("a": 5)", R"("a": "5")", kInvalid, "the id of token \"a\""),
        Changed("id_is_negative", R"("a": 5)", R"("a": -5)", kInvalid, "the id of token \"a\""),
        Changed("id_is_huge", R"("a": 5)", R"("a": 2000000000)", kCorrupt, "id 2000000000, far beyond"),
        Changed("id_twice", R"("a": 5)", R"("a": 4)", kCorrupt, "have the same id 4"),
        Changed("unknown_is_missing", R"("unk_token": "<unk>")", R"("unk_token": "?")", kCorrupt,
                "\"unk_token\" \"?\""),
        Changed("byte_fallback_is_text", R"("byte_fallback": true)", R"("byte_fallback": "yes")", kInvalid,
                "\"byte_fallback\" must be true or false"),
        Changed("dropout", R"("fuse_unk")", R"("dropout": 0.1, "fuse_unk")", kUnsupported, "\"dropout\""),
        Changed("subword_prefix", R"("fuse_unk")", R"("continuing_subword_prefix": "##", "fuse_unk")", kUnsupported,
                "\"continuing_subword_prefix\""),
        Changed("added_token_without_text", R"("content": "<tool>")", R"("text": "<tool>")", kInvalid,
                "without \"content\""),
        Changed("added_token_single_word", R"("special": false)", R"("single_word": true)", kUnsupported,
                "\"single_word\" of token \"<tool>\""),
        Changed("normalizer", R"("type": "Prepend")", R"("type": "NFKC")", kUnsupported, "normalizer \"NFKC\""),
        Changed("normalizer_without_type", R"("type": "Prepend")", R"("kind": "NFC")", kInvalid,
                "normalizer: \"type\" is missing"),
        Changed("prepend", R"("prepend": "▁")", R"("prepend": "_")", kUnsupported, "normalizer \"Prepend\""),
        Changed("replace", R"("content": "▁")", R"("content": "_")", kUnsupported, "normalizer \"Replace\""),
        Changed("byte_level_after_replace", R"("pre_tokenizer": null)", R"("pre_tokenizer": {"type": "ByteLevel"})",
                kUnsupported, "pre_tokenizer \"ByteLevel\" after replaced spaces"),
        Changed("pre_tokenizer", R"("pre_tokenizer": null)", R"("pre_tokenizer": {"type": "BertPreTokenizer"})",
                kUnsupported, "pre_tokenizer \"BertPreTokenizer\""),
        Changed("post_processor", R"("type": "TemplateProcessing")", R"("type": "RobertaProcessing")", kUnsupported,
                "post_processor \"RobertaProcessing\""),
        Changed("template_token", R"("id": "<s>", "type_id")", R"("id": "<x>", "type_id")", kCorrupt,
                "special token \"<x>\""),
        Changed("template_with_two", R"("single": [)", R"("single": [{"SpecialToken": {"id": "<s>"}}, )", kUnsupported,
                "more than one special token"),
        Changed("decoder", R"("type": "Fuse")", R"("type": "WordPiece")", kUnsupported, "decoder \"WordPiece\""),
        ChangedBytes("behavior", R"("behavior": "Isolated")", R"("behavior": "Split")", kInvalid, "\"behavior\""),
        ChangedBytes("class_intersection", R"(\\p{N}{1,2})", R"([a-z&&[^b]])", kUnsupported, "\"&&\""),
        ChangedBytes("split_after_byte_level", R"("pretokenizers": [)", R"("pretokenizers": [{"type": "ByteLevel"},)",
                     kUnsupported, "pre_tokenizer \"Split\" after ByteLevel"),
        ChangedBytes("prefix_after_split", R"("add_prefix_space": false)", R"("add_prefix_space": true)", kUnsupported,
                     "pre_tokenizer \"ByteLevel\" with add_prefix_space"),
        RefusedCase{"config_is_a_list", std::string(kSentencePiece), "[]", kInvalid, "tokenizer_config.json"},
        RefusedCase{"config_token", std::string(kSentencePiece), R"({"eos_token": "</s>"})", kCorrupt,
                    "\"eos_token\" \"</s>\" is not in the vocabulary"},
        RefusedCase{"config_flag", std::string(kSentencePiece), R"({"add_bos_token": 1})", kInvalid,
                    "\"add_bos_token\" must be true or false"},
        RefusedCase{"config_eos", std::string(kSentencePiece), R"({"add_eos_token": true})", kCorrupt,
                    "none is named"}),
    [](const auto& test) { return std::string(test.param.name); });

// Whatever single bits flip, reading ends with an error or a tokenizer that works.
TEST(TokenizerJson, SurvivesFlippedBits) {
  int num_read = 0;
  for (const std::string_view original : {kSentencePiece, kByteLevel}) {
    for (uint64_t round = 0; round < 3000; ++round) {
      std::string damaged(original);
      const auto draws = Philox(1, original.size(), round);
      for (const uint32_t draw : {draws[0], draws[1]}) {
        damaged[draw / 8 % damaged.size()] ^= static_cast<char>(1u << draw % 8);
      }
      auto vocabulary = ParseTokenizerJson(damaged, "", "file");
      if (!vocabulary) continue;
      const auto tokenizer = Tokenizer::Create(std::move(*vocabulary));
      if (!tokenizer) continue;
      ++num_read;
      tokenizer->Decode(tokenizer->Encode("ab <s><|end|> é我 111"));
    }
  }
  EXPECT_GT(num_read, 100);
}

// --- a real model

TEST(LoadTokenizerFolder, GivesTheIdsOfStories260K) {
  REQUIRE_SHARED("models/stories260K-hf");
  auto vocabulary = LoadTokenizerFolder(SharedData("models/stories260K-hf"));
  ASSERT_TRUE(vocabulary) << vocabulary.error().message;
  const auto tokenizer = Tokenizer::Create(std::move(*vocabulary));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_EQ(tokenizer->eos(), 2);
  const auto expected =
      ParseJson(platform::ReadTextFile(SharedData("models/stories260K-greedy.json")).value(), "greedy");
  ASSERT_EQ(expected->get_array().size(), 8);
  for (const json::value& run : expected->get_array()) {
    const std::string prompt(run.at("prompt").get_string());
    const Ids ids = json::value_to<Ids>(run.at("prompt_ids"));
    EXPECT_EQ(tokenizer->Encode(prompt), ids) << prompt;
    EXPECT_EQ(tokenizer->Decode(ids), prompt);
  }
}

TEST(LoadTokenizerFolder, NamesTheMissingFile) {
  const auto vocabulary = LoadTokenizerFolder("no/such/folder");
  ASSERT_FALSE(vocabulary);
  EXPECT_EQ(vocabulary.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(vocabulary.error().message, testing::HasSubstr("no/such/folder/tokenizer.json"));
}

}  // namespace
}  // namespace tenfold::tokenizer
