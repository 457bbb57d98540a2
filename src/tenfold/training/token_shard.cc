#include "tenfold/training/token_shard.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <string_view>

#include "tenfold/base/check.h"
#include "tenfold/base/hash.h"
#include "tenfold/tokenizer/vocabulary_hash.h"

namespace tenfold::training {
namespace {

static_assert(std::endian::native == std::endian::little, "shards are read as they lie in memory");

constexpr std::array<char, 8> kMagic = {'T', 'F', 'T', 'O', 'K', 'E', 'N', 'S'};
constexpr uint32_t kVersion = 1;
constexpr size_t kBlockBytes = size_t{1} << 20;  // a whole number of tokens

struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t token_bytes = 0;
  uint64_t num_tokens = 0;
  uint64_t num_source_bytes = 0;
  uint64_t vocabulary_size = 0;
  uint64_t vocabulary_hash = 0;
  uint64_t source_hash = 0;
  uint64_t body_checksum = 0;
  std::array<uint64_t, 7> reserved = {};
  uint64_t header_checksum = 0;  // of all before it
};
static_assert(sizeof(Header) == 128 && std::has_unique_object_representations_v<Header>);

uint64_t ChecksumOf(const Header& header) {
  return Hash64({reinterpret_cast<const char*>(&header), offsetof(Header, header_checksum)});
}

size_t TokenBytes(int64_t vocabulary_size) {
  return vocabulary_size <= int64_t{1} << 16 ? sizeof(uint16_t) : sizeof(uint32_t);
}

// The first `tokens.size()` tokens of `bytes`. Returns how many of them are of the vocabulary, counted up to the first
// that is not.
template <class Number>
size_t ReadTokens(const std::byte* bytes, int64_t vocabulary_size, std::span<TokenId> tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    Number number;
    std::memcpy(&number, bytes + i * sizeof(Number), sizeof(Number));
    if (int64_t{number} >= vocabulary_size) {
      tokens[i] = static_cast<TokenId>(number);
      return i;
    }
    tokens[i] = static_cast<TokenId>(number);
  }
  return tokens.size();
}

tl::unexpected<Error> Damaged(const std::filesystem::path& path, std::string_view what) {
  return MakeError(ErrorCode::kCorrupt, "{}: {}; remove it and prepare the data again", path.string(), what);
}

}  // namespace

Result<TokenShard> TokenShard::Open(const std::filesystem::path& path) {
  TokenShard shard;
  ASSIGN_OR_RETURN(shard.file_, platform::MappedFile::Open(path));
  const std::span<const std::byte> bytes = shard.file_.bytes();
  if (bytes.size() < kMagic.size() || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return MakeError(ErrorCode::kCorrupt, "{}: not a file of tokens: it does not begin with \"{}\"", path.string(),
                     std::string_view(kMagic.data(), kMagic.size()));
  }
  Header header;
  if (bytes.size() < sizeof(header)) {
    return Damaged(path, fmt::format("cut short: {} bytes, and the header alone has {}", bytes.size(), sizeof(header)));
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.version != kVersion) {
    return MakeError(ErrorCode::kUnsupported, "{}: version {} of the format; this program reads version {}",
                     path.string(), header.version, kVersion);
  }
  if (header.header_checksum != ChecksumOf(header)) return Damaged(path, "the header is damaged: its checksum differs");
  // What a checksum vouches for may still be nonsense that somebody made on purpose.
  constexpr uint64_t kMostTokensOfVocabulary = std::numeric_limits<TokenId>::max();
  const bool is_sane = header.vocabulary_size > 0 && header.vocabulary_size <= kMostTokensOfVocabulary &&
                       header.token_bytes == TokenBytes(static_cast<int64_t>(header.vocabulary_size)) &&
                       header.num_source_bytes <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!is_sane) {
    return Damaged(path, fmt::format("the header contradicts itself: tokens of {} bytes for a vocabulary of {}",
                                     header.token_bytes, header.vocabulary_size));
  }
  const size_t body_bytes = bytes.size() - sizeof(header);
  if (header.num_tokens > body_bytes / header.token_bytes) {
    return Damaged(path, fmt::format("cut short: {} tokens of {} bytes are announced, and there are {} bytes",
                                     header.num_tokens, header.token_bytes, body_bytes));
  }
  if (body_bytes != header.num_tokens * header.token_bytes) {
    return Damaged(path,
                   fmt::format("{} bytes behind the last token", body_bytes - header.num_tokens * header.token_bytes));
  }
  shard.facts_ = {.num_tokens = static_cast<int64_t>(header.num_tokens),
                  .num_source_bytes = static_cast<int64_t>(header.num_source_bytes),
                  .vocabulary_size = static_cast<int64_t>(header.vocabulary_size),
                  .vocabulary_hash = header.vocabulary_hash,
                  .source_hash = header.source_hash};
  shard.checksum_ = header.body_checksum;
  return shard;
}

std::span<const std::byte> TokenShard::body() const {
  return file_.bytes().subspan(sizeof(Header));
}

Status TokenShard::CheckVocabulary(const tokenizer::Vocabulary& vocabulary) const {
  if (tokenizer::HashVocabulary(vocabulary) == facts_.vocabulary_hash) return {};  // padded or not
  return MakeError(ErrorCode::kInvalidArgument,
                   "{}: its tokens are of another vocabulary (of {} tokens) than {} (of {}): prepare the data with the "
                   "model's own vocabulary",
                   path().string(), facts_.vocabulary_size, vocabulary.source, vocabulary.tokens.size());
}

Status TokenShard::Read(int64_t begin, std::span<TokenId> tokens) const {
  CHECK(begin >= 0);
  CHECK_LE(static_cast<uint64_t>(begin) + tokens.size(), static_cast<uint64_t>(facts_.num_tokens));
  const size_t token_bytes = TokenBytes(facts_.vocabulary_size);
  const std::byte* bytes = body().data() + static_cast<size_t>(begin) * token_bytes;
  const size_t num_good = token_bytes == sizeof(uint16_t) ? ReadTokens<uint16_t>(bytes, facts_.vocabulary_size, tokens)
                                                          : ReadTokens<uint32_t>(bytes, facts_.vocabulary_size, tokens);
  if (num_good == tokens.size()) return {};
  return Damaged(path(),
                 fmt::format("token {} is {}, outside the vocabulary of {}", static_cast<uint64_t>(begin) + num_good,
                             static_cast<uint32_t>(tokens[num_good]), facts_.vocabulary_size));
}

Status TokenShard::Verify() const {
  const std::span<const std::byte> bytes = body();
  const size_t token_bytes = TokenBytes(facts_.vocabulary_size);
  std::vector<TokenId> tokens(std::min(kBlockBytes, bytes.size()) / token_bytes);
  ChainedHash checksum;
  for (size_t done = 0; done < bytes.size(); done += kBlockBytes) {
    const std::span<const std::byte> block = bytes.subspan(done, std::min(kBlockBytes, bytes.size() - done));
    RETURN_IF_ERROR(
        Read(static_cast<int64_t>(done / token_bytes), std::span(tokens).first(block.size() / token_bytes)));
    checksum.Add({reinterpret_cast<const char*>(block.data()), block.size()});
    file_.DropResidentPages(block);
  }
  return checksum.value() == checksum_ ? Status() : Damaged(path(), "the tokens are damaged: their checksum differs");
}

Result<TokenShardWriter> TokenShardWriter::Create(const std::filesystem::path& path, const ShardFacts& facts) {
  CHECK(facts.vocabulary_size > 0);
  ASSIGN_OR_RETURN(formats::PartialFile file, formats::PartialFile::Create(path));
  RETURN_IF_ERROR(file.Append(std::array<std::byte, sizeof(Header)>{}));
  TokenShardWriter writer(std::move(file), facts);
  writer.facts_.num_tokens = 0;
  writer.facts_.num_source_bytes = 0;
  return writer;
}

Status TokenShardWriter::Append(std::span<const TokenId> tokens, int64_t num_source_bytes) {
  const size_t token_bytes = TokenBytes(facts_.vocabulary_size);
  for (const TokenId token : tokens) {
    CHECK(token >= 0 && token < facts_.vocabulary_size);
    pending_.append(reinterpret_cast<const char*>(&token), token_bytes);
  }
  facts_.num_tokens += static_cast<int64_t>(tokens.size());
  facts_.num_source_bytes += num_source_bytes;
  while (pending_.size() >= kBlockBytes) RETURN_IF_ERROR(WriteBlock(kBlockBytes));
  return {};
}

Status TokenShardWriter::WriteBlock(size_t size_bytes) {
  const std::string_view block = std::string_view(pending_).substr(0, size_bytes);
  checksum_.Add(block);
  RETURN_IF_ERROR(file_.Append(std::as_bytes(std::span(block))));
  pending_.erase(0, size_bytes);
  return {};
}

Status TokenShardWriter::Finish() {
  if (!pending_.empty()) RETURN_IF_ERROR(WriteBlock(pending_.size()));
  Header header;
  header.token_bytes = static_cast<uint32_t>(TokenBytes(facts_.vocabulary_size));
  header.num_tokens = static_cast<uint64_t>(facts_.num_tokens);
  header.num_source_bytes = static_cast<uint64_t>(facts_.num_source_bytes);
  header.vocabulary_size = static_cast<uint64_t>(facts_.vocabulary_size);
  header.vocabulary_hash = facts_.vocabulary_hash;
  header.source_hash = facts_.source_hash;
  header.body_checksum = checksum_.value();
  header.header_checksum = ChecksumOf(header);
  RETURN_IF_ERROR(file_.ReplaceBeginning(std::as_bytes(std::span(&header, 1))));
  return file_.Commit();
}

}  // namespace tenfold::training
