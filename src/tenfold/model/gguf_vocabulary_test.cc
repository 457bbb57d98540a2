#include "tenfold/model/gguf_vocabulary.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/test_data.h"
#include "tenfold/formats/gguf_writer.h"
#include "tenfold/model/gguf_vocabulary_writer.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/bpe_trainer.h"
#include "tenfold/tokenizer/tokenizer.h"
#include "tenfold/tokenizer/tokenizer_json.h"
#include "tenfold/tokenizer/tokenizer_json_writer.h"
#include "tenfold/tokenizer/utf8.h"
#include "tenfold/tokenizer/vocabulary_hash.h"

namespace tenfold::model {
namespace {

using tokenizer::EncodeOptions;
using tokenizer::Tokenizer;

Result<Tokenizer> LoadTokenizer(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const auto file, formats::GgufFile::Open(path));
  ASSIGN_OR_RETURN(auto vocabulary, ReadGgufVocabulary(file));
  return Tokenizer::Create(std::move(vocabulary));
}

std::string ReadShared(const std::string& relative) {
  return platform::ReadTextFile(SharedData(relative)).value();
}

tokenizer::Vocabulary ReadVocabulary(const std::string& path) {
  return ReadGgufVocabulary(formats::GgufFile::Open(SharedData(path)).value()).value();
}

// A vocabulary of a real model, with texts and the ids that its own tokenizer gives.
class RealVocabulary : public testing::TestWithParam<const char*> {
 protected:
  static std::string Path() { return std::string("vocabs/ggml-vocab-") + GetParam() + ".gguf"; }

  struct Case {
    std::string text;
    std::vector<TokenId> ids;
  };
  static std::vector<Case> Cases() {
    static constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
    const std::string texts = ReadShared(Path() + ".inp");
    std::istringstream lines(ReadShared(Path() + ".out"));
    std::vector<Case> cases;
    std::string line;
    for (size_t begin = 0; std::getline(lines, line);) {
      const size_t end = std::min(texts.find(kSeparator, begin), texts.size());
      Case& added = cases.emplace_back();
      added.text = texts.substr(begin, end - begin);
      begin = std::min(end + kSeparator.size(), texts.size());
      std::istringstream numbers(line);
      for (TokenId id; numbers >> id;) added.ids.push_back(id);
    }
    return cases;
  }

  static void ExpectEncodes(const tokenizer::Vocabulary& vocabulary) {
    const auto tokenizer = Tokenizer::Create(vocabulary);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    const auto cases = Cases();
    ASSERT_EQ(cases.size(), 46);
    for (const auto& [text, ids] : cases) {
      EXPECT_EQ(tokenizer->Encode(text, {.add_special = false}), ids) << '"' << text << '"';
      EXPECT_EQ(tokenizer->Decode(ids), text);
    }
  }
};

TEST_P(RealVocabulary, EncodesAsTheModelsOwnTokenizer) {
  REQUIRE_SHARED(Path());
  ExpectEncodes(ReadVocabulary(Path()));
}

TEST_P(RealVocabulary, EncodesTheSameAfterTokenizerJson) {
  REQUIRE_SHARED(Path());
  const tokenizer::Vocabulary vocabulary = ReadVocabulary(Path());
  const auto document = tokenizer::TokenizerJson(vocabulary);
  if (GetParam() == std::string("gemma-4")) {
    EXPECT_EQ(document.error().code, ErrorCode::kUnsupported);  // its pattern is for text whose spaces are there still
    return;
  }
  ASSERT_TRUE(document) << document.error().message;
  const auto read = tokenizer::ParseTokenizerJson(json::serialize(*document),
                                                  json::serialize(tokenizer::TokenizerConfigJson(vocabulary)), "json");
  ASSERT_TRUE(read) << read.error().message;
  ExpectEncodes(*read);
}

TEST_P(RealVocabulary, EncodesTheSameAfterGguf) {
  REQUIRE_SHARED(Path());
  const tokenizer::Vocabulary vocabulary = ReadVocabulary(Path());
  formats::GgufHeaderBuilder header;
  const auto num_tokens = static_cast<int64_t>(vocabulary.tokens.size());
  const Status written = WriteGgufVocabulary(vocabulary, num_tokens + 2, header);
  if (GetParam() == std::string("gemma-4")) {
    EXPECT_EQ(written.error().code, ErrorCode::kUnsupported);
    return;
  }
  ASSERT_TRUE(written) << written.error().message;
  const std::string bytes = header.Encode();
  const auto file = formats::GgufFile::Parse(std::as_bytes(std::span(bytes)), "written").value();
  const auto read = ReadGgufVocabulary(file);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->tokens.back(), fmt::format("[PAD{}]", num_tokens + 1));
  ExpectEncodes(*read);
}

TEST(TrainedVocabulary, ComesBackFromGgufAsItWas) {
  const std::vector<std::string_view> texts = {"so many words, so many more words<|endoftext|>"};
  using Options = tokenizer::BpeTrainerOptions;
  for (const Options& options :
       {Options{.vocabulary_size = 265},
        Options{.vocabulary_size = 0, .alphabet = Options::Alphabet::kBytesThatOccur, .special_tokens = {}},
        Options{.vocabulary_size = 265, .pre_tokenizer = "qwen2"},
        Options{.vocabulary_size = 265, .pre_tokenizer = "llama-bpe"}}) {
    const tokenizer::Vocabulary vocabulary = tokenizer::TrainBpe(texts, options).value();
    formats::GgufHeaderBuilder header;
    const auto num_rows = static_cast<int64_t>(vocabulary.tokens.size()) + 3;  // padded
    ASSERT_TRUE(WriteGgufVocabulary(vocabulary, num_rows, header));
    const std::string bytes = header.Encode();
    const auto read = ReadGgufVocabulary(formats::GgufFile::Parse(std::as_bytes(std::span(bytes)), "written").value());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(tokenizer::HashVocabulary(*read), tokenizer::HashVocabulary(vocabulary)) << options.pre_tokenizer;
    EXPECT_EQ(read->eos, vocabulary.eos);
    const Tokenizer before = Tokenizer::Create(vocabulary).value(), after = Tokenizer::Create(*read).value();
    const EncodeOptions parsed = {.add_special = true, .parse_special = true};
    EXPECT_EQ(after.Encode(texts[0], parsed), before.Encode(texts[0], parsed));
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabs, RealVocabulary,
                         testing::Values("llama-spm", "phi-3", "gpt-2", "llama-bpe", "qwen2", "deepseek-llm",
                                         "gemma-4"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(GgufVocabulary, GivesTheIdsOfStories260K) {
  REQUIRE_SHARED("models/stories260K.gguf");
  const auto tokenizer = LoadTokenizer(SharedData("models/stories260K.gguf"));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto expected = ParseJson(ReadShared("models/stories260K-greedy.json"), "greedy");
  ASSERT_EQ(expected->get_array().size(), 8);
  for (const json::value& run : expected->get_array()) {
    const std::string prompt(run.at("prompt").get_string());
    const auto ids = json::value_to<std::vector<TokenId>>(run.at("prompt_ids"));
    EXPECT_EQ(tokenizer->Encode(prompt), ids) << prompt;
    EXPECT_EQ(tokenizer->Decode(ids), prompt);
  }
}

TEST(GgufVocabulary, KnowsWhatEndsPhi3sTurns) {
  REQUIRE_SHARED("vocabs/ggml-vocab-phi-3.gguf");
  const auto tokenizer = LoadTokenizer(SharedData("vocabs/ggml-vocab-phi-3.gguf"));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const EncodeOptions parsed = {.add_special = true, .parse_special = true};
  // <s>, <|user|> with the line feed behind it stripped, " Hi", <|end|>
  const auto ids = tokenizer->Encode("<|user|>\nHi<|end|>", parsed);
  ASSERT_EQ(ids.size(), 4);
  EXPECT_EQ(ids[0], 1);
  EXPECT_EQ(ids[1], 32010);
  EXPECT_EQ(tokenizer->TokenText(ids[2]), " Hi");
  EXPECT_EQ(ids[3], 32007);
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(32007));
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(tokenizer->eos()));
  EXPECT_FALSE(tokenizer->IsEndOfGeneration(32010));
}

TEST(GgufVocabulary, EncodesLongWordsInBoundedTime) {
  for (const char* name : {"llama-spm", "llama-bpe"}) {
    const std::string path = std::string("vocabs/ggml-vocab-") + name + ".gguf";
    REQUIRE_SHARED(path);
    const auto tokenizer = LoadTokenizer(SharedData(path));
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    for (const char unit : {'a', ' ', '\xFF'}) {
      const std::string text(200'000, unit);
      const auto start = std::chrono::steady_clock::now();
      const auto ids = tokenizer->Encode(text);
      EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10)) << name;
      EXPECT_EQ(tokenizer->Decode(ids), tokenizer::RepairUtf8(text));
    }
  }
}

// --- metadata that contradicts itself

formats::GgufHeaderBuilder SmallHeader(std::string_view model) {
  formats::GgufHeaderBuilder header;
  header.SetString("tokenizer.ggml.model", model);
  return header;
}

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kScores = "tokenizer.ggml.scores";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kMerges = "tokenizer.ggml.merges";

void SetTokens(formats::GgufHeaderBuilder& header) {
  header.SetStrings(kTokens, std::vector<std::string>{"<unk>", "<s>", "</s>", "a", "b", "ab"});
}
void SetScores(formats::GgufHeaderBuilder& header, size_t count) {
  header.SetFloat32s(kScores, std::vector<float>(count, -1.0f));
}
void SetMerges(formats::GgufHeaderBuilder& header, const std::string& merge) {
  header.SetStrings(kMerges, std::vector<std::string>{merge});
}

struct RefusedCase {
  const char* name;
  const char* model;
  std::function<void(formats::GgufHeaderBuilder&)> fill;
  ErrorCode code;
  const char* message;
};

class RefusedMetadata : public testing::TestWithParam<RefusedCase> {};

TEST_P(RefusedMetadata, NamesTheFileAndTheKey) {
  formats::GgufHeaderBuilder header = SmallHeader(GetParam().model);
  GetParam().fill(header);
  const std::string bytes = header.Encode();
  const auto file = formats::GgufFile::Parse(std::as_bytes(std::span(bytes)), "small.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const auto vocabulary = ReadGgufVocabulary(*file);
  ASSERT_FALSE(vocabulary);
  EXPECT_EQ(vocabulary.error().code, GetParam().code) << vocabulary.error().message;
  EXPECT_THAT(vocabulary.error().message,
              testing::AllOf(testing::StartsWith("small.gguf"), testing::HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Keys, RefusedMetadata,
    testing::Values(
        RefusedCase{"other_tokenizer", "bert", [](auto& h) { SetTokens(h); }, ErrorCode::kUnsupported, "\"bert\""},
        RefusedCase{"unknown_pre_tokenizer", "gpt2",
                    [](auto& h) {
                      SetTokens(h);
                      SetMerges(h, "a b");
                      h.SetString("tokenizer.ggml.pre", "new-one");
                    },
                    ErrorCode::kUnsupported, "\"tokenizer.ggml.pre\": unknown pre-tokenizer \"new-one\""},
        RefusedCase{"no_tokens", "llama", [](auto& h) { SetScores(h, 6); }, ErrorCode::kCorrupt, "no tokens"},
        RefusedCase{"too_few_scores", "llama",
                    [](auto& h) {
                      SetTokens(h);
                      SetScores(h, 5);
                    },
                    ErrorCode::kCorrupt, "5 scores for 6 tokens"},
        RefusedCase{"no_scores", "llama", [](auto& h) { SetTokens(h); }, ErrorCode::kCorrupt, "neither merges nor"},
        RefusedCase{"tokens_of_another_type", "llama",
                    [](auto& h) {
                      h.SetInt32s(kTokens, std::vector<int32_t>{1, 2});
                    },
                    ErrorCode::kCorrupt, kTokens},
        RefusedCase{"unknown_type", "llama",
                    [](auto& h) {
                      SetTokens(h);
                      SetScores(h, 6);
                      h.SetInt32s(kTypes, std::vector<int32_t>{1, 1, 1, 1, 1, 7});
                    },
                    ErrorCode::kCorrupt, "\"tokenizer.ggml.token_type\" holds 7"},
        RefusedCase{"merge_of_one", "gpt2",
                    [](auto& h) {
                      SetTokens(h);
                      SetMerges(h, "ab");
                    },
                    ErrorCode::kCorrupt, "\"tokenizer.ggml.merges\" holds \"ab\""},
        RefusedCase{"id_outside", "llama",
                    [](auto& h) {
                      SetTokens(h);
                      SetScores(h, 6);
                      h.SetUint32("tokenizer.ggml.eos_token_id", 6);
                    },
                    ErrorCode::kCorrupt, "end-of-text token is 6"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(GgufVocabulary, SaysThatThereIsNone) {
  const std::string bytes = formats::GgufHeaderBuilder().Encode();
  const auto file = formats::GgufFile::Parse(std::as_bytes(std::span(bytes)), "small.gguf");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(ReadGgufVocabulary(*file).error().code, ErrorCode::kNotFound);
}

TEST(GgufVocabulary, TakesTheLargest32BitNumberForNone) {
  formats::GgufHeaderBuilder header = SmallHeader("llama");
  SetTokens(header);
  SetScores(header, 6);
  header.SetUint32("tokenizer.ggml.padding_token_id", 0xFFFFFFFF);
  const std::string bytes = header.Encode();
  const auto file = formats::GgufFile::Parse(std::as_bytes(std::span(bytes)), "small.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const auto vocabulary = ReadGgufVocabulary(*file);
  ASSERT_TRUE(vocabulary) << vocabulary.error().message;
  EXPECT_EQ(vocabulary->padding, tokenizer::kNoToken);
}

}  // namespace
}  // namespace tenfold::model
