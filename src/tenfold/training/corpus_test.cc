#include "tenfold/training/corpus.h"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/test_data.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/bpe_trainer.h"
#include "tenfold/tokenizer/small_vocabulary.h"
#include "tenfold/tokenizer/tokenizer.h"
#include "tenfold/tokenizer/utf8.h"
#include "tenfold/training/temporary_folder_for_test.h"
#include "tenfold/training/text_documents.h"

namespace tenfold::training {
namespace {

using tokenizer::Tokenizer;
using tokenizer::Vocabulary;
using Tokens = std::vector<TokenId>;
using Alphabet = tokenizer::BpeTrainerOptions::Alphabet;

Vocabulary Trained(std::vector<std::string_view> texts, const tokenizer::BpeTrainerOptions& options) {
  return tokenizer::TrainBpe(texts, options).value();
}

// 256 bytes, "ab" and, as token 257, <|endoftext|>.
Vocabulary Small() {
  return Trained({"abababab"}, {.vocabulary_size = 258});
}

// nanoGPT's.
Vocabulary Characters(std::string_view text) {
  return Trained({text}, {.vocabulary_size = 0, .alphabet = Alphabet::kBytesThatOccur, .special_tokens = {}});
}

Tokens All(const TokenShard& shard) {
  Tokens tokens(static_cast<size_t>(shard.num_tokens()));
  EXPECT_TRUE(shard.Read(0, tokens));
  return tokens;
}

class CorpusTest : public testing::Test {
 protected:
  Result<Corpus> Prepare(const CorpusOptions& options, const Vocabulary& vocabulary, int num_threads = 2) {
    platform::ThreadPool threads(num_threads);
    return PrepareCorpus(options, vocabulary, folder_.path() / "data" / "here", threads);
  }
  // The training tokens of one text.
  Tokens TokensOf(std::string_view text, const Vocabulary& vocabulary, const std::string& separator = "<|endoftext|>") {
    const auto corpus = Prepare({.train_files = {folder_.Write("text", text)}, .separator = separator}, vocabulary);
    EXPECT_TRUE(corpus) << corpus.error().message;
    return corpus ? All(corpus->train) : Tokens();
  }
  std::string Refusal(const CorpusOptions& options, const Vocabulary& vocabulary) {
    const auto corpus = Prepare(options, vocabulary);
    EXPECT_FALSE(corpus);
    if (corpus) return {};
    EXPECT_EQ(corpus.error().code, ErrorCode::kInvalidArgument);
    return corpus.error().message;
  }

  TemporaryFolder folder_;
};

TEST_F(CorpusTest, PutsTheSeparatorBehindEachDocument) {
  constexpr TokenId kEnd = 257;
  const Vocabulary vocabulary = Small();
  EXPECT_EQ(TokensOf("ab<|endoftext|>b", vocabulary), (Tokens{256, kEnd, 'b', kEnd}));
  EXPECT_EQ(TokensOf("ab<|endoftext|>b<|endoftext|>", vocabulary), (Tokens{256, kEnd, 'b', kEnd}));
  EXPECT_EQ(TokensOf("<|endoftext|>ab<|endoftext|><|endoftext|>\n <|endoftext|>\n", vocabulary), (Tokens{256, kEnd}));
  EXPECT_EQ(TokensOf("ab\n<|endoftext|>\nb\n", vocabulary), (Tokens{256, '\n', kEnd, '\n', 'b', '\n', kEnd}));
  EXPECT_EQ(TokensOf("ab--b", vocabulary, "--"), (Tokens{256, kEnd, 'b', kEnd})) << "the token that ends texts";
}

TEST_F(CorpusTest, SeveralFilesAreSeveralDocuments) {
  const auto corpus = Prepare({.train_files = {folder_.Write("a", "ab"), folder_.Write("b", "a")},
                               .validation_files = {folder_.Write("c", "bb")}},
                              Small());
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(All(corpus->train), (Tokens{256, 257, 'a', 257}));
  EXPECT_EQ(corpus->train.facts().num_source_bytes, 3);
  EXPECT_EQ(All(*corpus->validation), (Tokens{'b', 'b', 257}));
  EXPECT_EQ(corpus->validation->facts().num_source_bytes, 2);
  EXPECT_TRUE(corpus->train.CheckVocabulary(Small()));
  EXPECT_TRUE(corpus->validation->Verify());
}

TEST_F(CorpusTest, SplitsOneTextAsNanoGptDoes) {
  const std::string text = "abcdefghijabcdefghij";
  const auto corpus =
      Prepare({.train_files = {folder_.Write("text", text)}, .validation_share = 0.1}, Characters(text));
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(All(corpus->train), (Tokens{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(All(*corpus->validation), (Tokens{8, 9})) << "no separator";
}

TEST_F(CorpusTest, SplitsBetweenCharacters) {
  const auto corpus =
      Prepare({.train_files = {folder_.Write("text", "我我我我")}, .validation_share = 0.4}, Small());  // byte 7.2
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus->train.facts().num_source_bytes, 9);
  EXPECT_EQ(corpus->validation->facts().num_source_bytes, 3);
}

TEST_F(CorpusTest, TinyshakespeareHasTheTokensOfNanoGpt) {
  REQUIRE_SHARED("text/tinyshakespeare.txt");
  const auto path = SharedData("text/tinyshakespeare.txt");
  const Vocabulary vocabulary = Characters(platform::ReadTextFile(path).value());
  const auto corpus = Prepare({.train_files = {path}, .validation_share = 0.1, .context = 256}, vocabulary);
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(vocabulary.tokens.size(), 65);
  EXPECT_EQ(corpus->train.num_tokens(), 1'003'854);
  EXPECT_EQ(corpus->validation->num_tokens(), 111'540);
  Tokens first(13);
  ASSERT_TRUE(corpus->train.Read(0, first));  // "First Citizen" with nanoGPT's numbers
  EXPECT_EQ(first, (Tokens{18, 47, 56, 57, 58, 1, 15, 47, 58, 47, 64, 43, 52}));
}

TEST_F(CorpusTest, TokensDoNotDependOnThreadsAndDecodeToTheText) {
  REQUIRE_SHARED("text/tales-val.txt");
  const auto path = SharedData("text/tales-val.txt");
  const std::string text = platform::ReadTextFile(path).value();
  const Vocabulary vocabulary = Trained({std::string_view(text).substr(0, 300'000)}, {.vocabulary_size = 2000});
  const auto corpus = Prepare({.train_files = {path}}, vocabulary, 1);
  ASSERT_TRUE(corpus) << corpus.error().message;
  const Tokens tokens = All(corpus->train);
  const auto tokenizer = Tokenizer::Create(vocabulary).value();
  Tokens whole = tokenizer.Encode(text, {.parse_special = true});
  whole.push_back(tokenizer.eos());
  EXPECT_EQ(tokens, whole);
  std::filesystem::remove(corpus->train.path());
  const auto again = Prepare({.train_files = {path}}, vocabulary, 5);
  EXPECT_EQ(again->num_encoded, 1);
  EXPECT_EQ(All(again->train), tokens);
}

TEST_F(CorpusTest, TakesSpecialTokensAndBytesThatAreNotUtf8) {
  const Vocabulary vocabulary =
      Trained({"x"}, {.vocabulary_size = 258, .special_tokens = {"<|endoftext|>", "<|user|>"}});
  EXPECT_EQ(TokensOf("<|user|>\xFF!", vocabulary), (Tokens{257, 0xEF, 0xBF, 0xBD, '!', 256}));
  EXPECT_EQ(TokensOf(std::string("\0a", 2), vocabulary), (Tokens{0, 'a', 256}));
}

// A vocabulary that puts a space before texts: within a document there is only the one that was there.
TEST_F(CorpusTest, LongDocumentsOfSentencePieceVocabulariesHaveNoSpacesOfTheirOwn) {
  const Vocabulary vocabulary = tokenizer::SmallSentencePiece({"▁ab", "ab", "▁", "a", "b"});
  std::string text = "ab";
  for (int i = 0; i < 100'000; ++i) text += " ab";  // several chunks
  const Tokens tokens = TokensOf(text, vocabulary);
  const auto tokenizer = Tokenizer::Create(vocabulary).value();
  Tokens whole = tokenizer.Encode(text, {.add_special = false});
  whole.push_back(vocabulary.eos);
  EXPECT_EQ(tokens, whole);
}

// --- what is there already

TEST_F(CorpusTest, ReusesShardsOfTheSameTextsAndVocabulary) {
  CorpusOptions options{.train_files = {folder_.Write("a", "abab")}, .validation_files = {folder_.Write("b", "bbb")}};
  Vocabulary vocabulary = Small();
  EXPECT_EQ(Prepare(options, vocabulary)->num_encoded, 2);
  EXPECT_EQ(Prepare(options, vocabulary)->num_encoded, 0);
  vocabulary.source = "another file with the same tokens";
  EXPECT_EQ(Prepare(options, vocabulary)->num_encoded, 0);
  folder_.Write("b", "bbbb");
  const auto changed = Prepare(options, vocabulary);
  EXPECT_EQ(changed->num_encoded, 1) << "the text that changed";
  EXPECT_EQ(All(*changed->validation), (Tokens{'b', 'b', 'b', 'b', 257}));
  vocabulary.merges[0] = {"a", "a"};
  vocabulary.tokens[256] = "aa";
  EXPECT_EQ(Prepare(options, vocabulary)->num_encoded, 2);
  options.separator = "--";  // which is no token, so that the one that ends texts stands for it
  EXPECT_EQ(Prepare(options, vocabulary)->num_encoded, 2);
  vocabulary.eos = 'x';
  EXPECT_EQ(Prepare(options, vocabulary)->num_encoded, 2);
}

TEST_F(CorpusTest, ReplacesDamagedShards) {
  const CorpusOptions options{.train_files = {folder_.Write("a", "abab")}};
  const auto path = Prepare(options, Small())->train.path();
  const std::string good = platform::ReadTextFile(path).value();
  for (const auto& damage : {std::function<void(std::string&)>([](std::string& b) { b.pop_back(); }),
                             std::function<void(std::string&)>([](std::string& b) { b[128] ^= 1; }),
                             std::function<void(std::string&)>([](std::string& b) { b.clear(); })}) {
    std::string bytes = good;
    damage(bytes);
    std::ofstream(path, std::ios::binary) << bytes;
    const auto corpus = Prepare(options, Small());
    ASSERT_TRUE(corpus) << corpus.error().message;
    EXPECT_EQ(corpus->num_encoded, 1);
    EXPECT_EQ(platform::ReadTextFile(path).value(), good);
  }
}

// Tokens that the model does not have, in a file that says otherwise and is whole.
TEST_F(CorpusTest, ReplacesShardsOfALargerVocabulary) {
  const CorpusOptions options{.train_files = {folder_.Write("a", "abab")}};
  const Corpus good = Prepare(options, Small()).value();
  ShardFacts facts = good.train.facts();
  facts.vocabulary_size += 1000;
  auto writer = TokenShardWriter::Create(good.train.path(), facts).value();
  ASSERT_TRUE(writer.Append(Tokens{1200, 1201, 1202}, 4));
  ASSERT_TRUE(writer.Finish());
  const auto corpus = Prepare(options, Small());
  EXPECT_EQ(corpus->num_encoded, 1);
  EXPECT_EQ(All(corpus->train), (Tokens{256, 256, 257}));
}

// --- where a text is split

class CorpusSplitTest : public CorpusTest {
 protected:
  using Texts = std::pair<std::string, std::string>;
  // What is trained on of the text, and what is measured on.
  Texts Split(const std::string& text, double share) {
    const Vocabulary vocabulary = Small();
    const auto corpus = Prepare({.train_files = {folder_.Write("text", text)}, .validation_share = share}, vocabulary);
    EXPECT_TRUE(corpus) << corpus.error().message;
    if (!corpus) return {};
    const auto tokenizer = Tokenizer::Create(vocabulary).value();
    const auto decoded = [&](const TokenShard& shard) {
      std::string decoded;
      for (const TokenId token : All(shard)) decoded += token == 257 ? "|" : std::string(tokenizer.TokenText(token));
      return decoded;
    };
    return {decoded(corpus->train), decoded(*corpus->validation)};
  }
};

TEST_F(CorpusSplitTest, NeverWithinASeparator) {
  // The separator is bytes 4 to 16.
  const std::string text = "abcd<|endoftext|>xyz";
  for (const double share : {0.75, 0.6, 0.3, 0.2}) EXPECT_EQ(Split(text, share), Texts("abcd|", "xyz|")) << share;
  EXPECT_EQ(Split(text, 0.85), Texts("abc|", "d|xyz|"));
  EXPECT_EQ(Split(text, 0.1), Texts("abcd|x|", "yz|"));
}

TEST_F(CorpusSplitTest, BehindADocumentWhereOneEndsSoon) {
  const std::string filler(400, 'f');
  const std::string text = filler + "abcd<|endoftext|>" + filler;
  const auto share = [&](double point) { return 1 - (point + 0.5) / static_cast<double>(text.size()); };
  EXPECT_EQ(Split(text, share(402)), Texts(filler + "abcd|", filler + "|"));
  EXPECT_EQ(Split(text, share(20)), Texts(filler + "abcd|", filler + "|"));
  // Not where more than half of what is to be measured on would go.
  EXPECT_EQ(Split(text, share(10)).first, "ffffffffff|");
}

// --- what is refused

TEST_F(CorpusTest, RefusesTextsThatAreTooShort) {
  const auto empty = folder_.Write("empty", "");
  const auto spaces = folder_.Write("spaces", "\n <|endoftext|> \n");
  const auto short_one = folder_.Write("short", "xy");
  EXPECT_THAT(Refusal({.train_files = {empty}}, Small()), testing::HasSubstr("have 0 tokens, fewer than the 2"));
  EXPECT_THAT(Refusal({.train_files = {spaces}}, Small()), testing::HasSubstr("have 0 tokens"));
  EXPECT_THAT(Refusal({.train_files = {short_one}, .context = 3}, Small()),
              testing::AllOf(testing::HasSubstr("short"), testing::HasSubstr("have 3 tokens, fewer than the 4")));
  EXPECT_TRUE(Prepare({.train_files = {short_one}, .context = 2}, Small()));
  EXPECT_THAT(Refusal({.train_files = {short_one}, .validation_files = {empty}}, Small()),
              testing::HasSubstr("to validate on have 0 tokens"));
}

TEST_F(CorpusTest, RefusesSeparatorsThatTheVocabularyDoesNotHave) {
  const std::string text = "ab<|endoftext|>b";
  const auto path = folder_.Write("text", text);
  EXPECT_THAT(Refusal({.train_files = {path}}, Characters(text)), testing::HasSubstr("has no such token"));
  EXPECT_TRUE(Prepare({.train_files = {path}, .separator = ""}, Characters(text)));
}

TEST_F(CorpusTest, RefusesBytesThatWouldVanish) {
  const auto path = folder_.Write("text", "abcaxb");
  EXPECT_THAT(Refusal({.train_files = {path}}, Characters("abc")),
              testing::AllOf(testing::HasSubstr("text: "), testing::HasSubstr("0x78")));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "data" / "here" / "train.tokens")) << "half a shard";
}

TEST_F(CorpusTest, RefusesOptionsWithoutMeaning) {
  const auto path = folder_.Write("text", "abab");
  EXPECT_THAT(Refusal({}, Small()), testing::HasSubstr("no text"));
  for (const double share : {1.0, -0.1, std::nan("")}) {
    EXPECT_THAT(Refusal({.train_files = {path}, .validation_share = share}, Small()), testing::HasSubstr("share"));
  }
  EXPECT_THAT(Refusal({.train_files = {path}, .validation_files = {path}, .validation_share = 0.1}, Small()),
              testing::HasSubstr("not both"));
  EXPECT_THAT(Refusal({.train_files = {path}, .context = 0}, Small()), testing::HasSubstr("at least 1"));
  const auto missing = Prepare({.train_files = {folder_.path() / "missing"}}, Small());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  platform::ThreadPool threads(1);
  const auto no_folder = PrepareCorpus({.train_files = {path}}, Small(), path, threads);
  ASSERT_FALSE(no_folder);
  EXPECT_EQ(no_folder.error().code, ErrorCode::kIo);
}

TEST(TextDocuments, CutsLongDocumentsWhereWordsBegin) {
  TextDocuments documents("one two--three four five--", "--", 10);
  std::vector<std::string> chunks;
  while (const auto chunk = documents.Next()) {
    chunks.push_back(std::string(chunk->begins_document ? "<" : "") + std::string(chunk->text) +
                     (chunk->ends_document ? ">" : ""));
  }
  EXPECT_EQ(chunks, (std::vector<std::string>{"<one two>", "<three four", " five>"}));
  EXPECT_TRUE(documents.found_separator());
}

}  // namespace
}  // namespace tenfold::training
