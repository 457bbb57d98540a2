#include "tenfold/training/token_shard.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/hash.h"
#include "tenfold/base/random.h"
#include "tenfold/tokenizer/small_vocabulary.h"
#include "tenfold/tokenizer/vocabulary_hash.h"
#include "tenfold/training/temporary_folder_for_test.h"

namespace tenfold::training {
namespace {

constexpr size_t kHeaderBytes = 128;
using Tokens = std::vector<TokenId>;

// Tokens 0, 1, ..., of a vocabulary of that size and again from 0.
Tokens Counted(size_t count, int64_t vocabulary_size) {
  Tokens tokens(count);
  for (size_t i = 0; i < count; ++i) tokens[i] = static_cast<TokenId>(static_cast<int64_t>(i) % vocabulary_size);
  return tokens;
}

std::filesystem::path WriteShard(const TemporaryFolder& folder, const Tokens& tokens, int64_t vocabulary_size,
                                 size_t piece = 7) {
  const auto path = folder.path() / "a.tokens";
  auto writer =
      TokenShardWriter::Create(path, {.vocabulary_size = vocabulary_size, .vocabulary_hash = 11, .source_hash = 22});
  EXPECT_TRUE(writer) << writer.error().message;
  for (size_t done = 0; done < tokens.size(); done += piece) {
    const size_t count = std::min(piece, tokens.size() - done);
    EXPECT_TRUE(writer->Append(std::span(tokens).subspan(done, count), 3));
  }
  EXPECT_TRUE(writer->Finish());
  return path;
}

class TokenShardOfAWidth : public testing::TestWithParam<int64_t> {};

TEST_P(TokenShardOfAWidth, ReadsBackWhatWasWritten) {
  const TemporaryFolder folder;
  const int64_t vocabulary_size = GetParam();
  const Tokens tokens = Counted(700'001, vocabulary_size);  // more than one block
  const auto path = WriteShard(folder, tokens, vocabulary_size, 1001);
  const size_t token_bytes = vocabulary_size <= 65536 ? 2 : 4;
  EXPECT_EQ(std::filesystem::file_size(path), kHeaderBytes + token_bytes * tokens.size());
  const auto shard = TokenShard::Open(path);
  ASSERT_TRUE(shard) << shard.error().message;
  EXPECT_EQ(shard->facts(), (ShardFacts{.num_tokens = 700'001,
                                        .num_source_bytes = 3 * 700,
                                        .vocabulary_size = vocabulary_size,
                                        .vocabulary_hash = 11,
                                        .source_hash = 22}));
  Tokens read(tokens.size());
  ASSERT_TRUE(shard->Read(0, read));
  EXPECT_EQ(read, tokens);
  Tokens some(3);
  ASSERT_TRUE(shard->Read(69'999, some));
  EXPECT_EQ(some, Tokens(tokens.begin() + 69'999, tokens.begin() + 70'002));
  const Status verified = shard->Verify();
  EXPECT_TRUE(verified) << verified.error().message;
}

INSTANTIATE_TEST_SUITE_P(Widths, TokenShardOfAWidth, testing::Values(5, 65536, 65537, 262144));

TEST(TokenShard, MayBeEmpty) {
  const TemporaryFolder folder;
  const auto shard = TokenShard::Open(WriteShard(folder, {}, 10));
  ASSERT_TRUE(shard) << shard.error().message;
  EXPECT_EQ(shard->num_tokens(), 0);
  EXPECT_TRUE(shard->Verify());
}

TEST(TokenShard, LeavesNothingThatIsNotFinished) {
  const TemporaryFolder folder;
  {
    auto writer = TokenShardWriter::Create(folder.path() / "a.tokens", {.vocabulary_size = 10});
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->Append(Tokens{1, 2}, 2));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  const auto refused = TokenShardWriter::Create(folder.path() / "no" / "a.tokens", {.vocabulary_size = 10});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
}

TEST(TokenShard, KnowsItsVocabulary) {
  const TemporaryFolder folder;
  tokenizer::Vocabulary vocabulary = tokenizer::SmallByteLevel({{"a", "b"}});
  const auto path = folder.path() / "a.tokens";
  auto writer = TokenShardWriter::Create(path, {.vocabulary_size = static_cast<int64_t>(vocabulary.tokens.size()),
                                                .vocabulary_hash = tokenizer::HashVocabulary(vocabulary)});
  ASSERT_TRUE(writer->Finish());
  const auto shard = TokenShard::Open(path).value();
  EXPECT_TRUE(shard.CheckVocabulary(vocabulary));
  vocabulary.merges[0] = {"b", "a"};
  const Status refused = shard.CheckVocabulary(vocabulary);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, testing::AllOf(testing::HasSubstr("a.tokens"), testing::HasSubstr("(of 258)"),
                                                      testing::HasSubstr("small")));
}

// --- damage

// Gives the header the checksum that belongs to it.
void Vouch(std::string& bytes) {
  const uint64_t checksum = Hash64(std::string_view(bytes).substr(0, kHeaderBytes - 8));
  std::memcpy(bytes.data() + kHeaderBytes - 8, &checksum, sizeof(checksum));
}

struct DamageCase {
  const char* name;
  std::function<void(std::string&)> damage;
  const char* message;
  ErrorCode code = ErrorCode::kCorrupt;
};

class DamagedShard : public testing::TestWithParam<DamageCase> {};

TEST_P(DamagedShard, IsRefusedWithThePathAndTheReason) {
  const TemporaryFolder folder;
  WriteShard(folder, Counted(10, 10), 10);
  std::string bytes = folder.Read("a.tokens");
  GetParam().damage(bytes);
  folder.Write("a.tokens", bytes);
  const auto shard = TokenShard::Open(folder.path() / "a.tokens");
  ASSERT_FALSE(shard);
  EXPECT_EQ(shard.error().code, GetParam().code);
  EXPECT_THAT(shard.error().message,
              testing::AllOf(testing::HasSubstr("a.tokens: "), testing::HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Damages, DamagedShard,
    testing::Values(DamageCase{"empty", [](std::string& b) { b.clear(); }, "not a file of tokens"},
                    DamageCase{"magic", [](std::string& b) { b[0] = 'x'; }, "not a file of tokens"},
                    DamageCase{"half_a_header", [](std::string& b) { b.resize(60); }, "cut short: 60 bytes"},
                    DamageCase{"version", [](std::string& b) { b[8] = 9; }, "version 9", ErrorCode::kUnsupported},
                    DamageCase{"header", [](std::string& b) { b[20] ^= 1; }, "the header is damaged"},
                    DamageCase{"cut", [](std::string& b) { b.pop_back(); },
                               "cut short: 10 tokens of 2 bytes are announced"},
                    DamageCase{"no_body", [](std::string& b) { b.resize(kHeaderBytes); }, "there are 0 bytes"},
                    DamageCase{"longer", [](std::string& b) { b += "xyz"; }, "3 bytes behind the last token"},
                    DamageCase{"width", [](std::string& b) { b[12] = 4, Vouch(b); }, "contradicts itself"},
                    DamageCase{"width_0", [](std::string& b) { b[12] = 0, Vouch(b); }, "contradicts itself"},
                    DamageCase{"no_vocabulary", [](std::string& b) { b[32] = 0, Vouch(b); }, "contradicts itself"},
                    DamageCase{"huge", [](std::string& b) { b[23] = '\xFF', Vouch(b); }, "cut short"},
                    DamageCase{"wraps", [](std::string& b) { b[23] = '\x80', Vouch(b); }, "cut short"}),
    [](const auto& test) { return std::string(test.param.name); });

// Headers that somebody made on purpose, with the checksum that belongs to them.
TEST(TokenShard, NoDamageMakesAReaderFail) {
  const TemporaryFolder folder;
  WriteShard(folder, Counted(50, 10), 10);
  const std::string good = folder.Read("a.tokens");
  int num_opened = 0;
  for (uint64_t attempt = 0; attempt < 300; ++attempt) {
    std::string bytes = good;
    const auto draws = Philox(1, 0, attempt);
    bytes[draws[0] % bytes.size()] = static_cast<char>(draws[1]);
    bytes[12 + draws[2] % 36] ^= static_cast<char>(1 << draws[3] % 8);  // in the numbers
    Vouch(bytes);
    folder.Write("a.tokens", bytes);
    const auto shard = TokenShard::Open(folder.path() / "a.tokens");
    if (!shard) continue;
    ++num_opened;
    Tokens tokens(static_cast<size_t>(shard->num_tokens()));
    ASSERT_LE(tokens.size(), bytes.size());
    if (shard->Read(0, tokens)) {
      for (const TokenId token : tokens) ASSERT_TRUE(token >= 0 && token < shard->facts().vocabulary_size);
    }
    static_cast<void>(shard->Verify());
  }
  EXPECT_GT(num_opened, 15);
}

TEST(TokenShard, NamesATokenOutsideTheVocabulary) {
  const TemporaryFolder folder;
  WriteShard(folder, Counted(10, 10), 10);
  std::string bytes = folder.Read("a.tokens");
  bytes[kHeaderBytes + 2 * 6] = 10;
  folder.Write("a.tokens", bytes);
  const auto shard = TokenShard::Open(folder.path() / "a.tokens");
  ASSERT_TRUE(shard) << "the header is as it was";
  Tokens good(6);
  EXPECT_TRUE(shard->Read(0, good));
  Tokens bad(3);
  for (const Status& status : {shard->Read(5, bad), shard->Verify()}) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(status.error().message, testing::HasSubstr("token 6 is 10, outside the vocabulary of 10"));
  }
}

TEST(TokenShard, VerifyFindsWhatAnotherTokenReplaced) {
  const TemporaryFolder folder;
  WriteShard(folder, Counted(600'000, 10), 10);
  std::string bytes = folder.Read("a.tokens");
  bytes[kHeaderBytes + 2 * 599'990] ^= 1;
  folder.Write("a.tokens", bytes);
  const auto shard = TokenShard::Open(folder.path() / "a.tokens");
  ASSERT_TRUE(shard);
  const Status status = shard->Verify();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, testing::HasSubstr("their checksum differs"));
}

}  // namespace
}  // namespace tenfold::training
