// TokenShard: a file of tokens to train or validate on, mapped into memory.
//
// Layout, little-endian: a header of 128 bytes, then the tokens, two bytes each where the vocabulary has at most 65,536
// tokens and else four. Documents follow each other with the vocabulary's separator behind each. The header says of
// which vocabulary and source texts the tokens are, and has checksums of itself and of the tokens (XXH3, chained over
// blocks of 1 MiB).
//
// Files come from anywhere: no content makes a reader crash or hand out a token that a vocabulary of the size in the
// header does not have. Who opens one compares that with the model's (corpus.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "tenfold/base/hash.h"
#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/formats/partial_file.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::training {

// What a shard is of.
struct ShardFacts {
  int64_t num_tokens = 0;        // with separators
  int64_t num_source_bytes = 0;  // of the text that was encoded, separators not counted
  int64_t vocabulary_size = 0;
  uint64_t vocabulary_hash = 0;  // tokenizer/vocabulary_hash.h
  uint64_t source_hash = 0;      // of the texts and of how they were cut up

  friend bool operator==(const ShardFacts&, const ShardFacts&) = default;
};

// Immutable and move-only; any thread may read.
class TokenShard {
 public:
  // Reads the header alone. Errors: those of MappedFile::Open; kCorrupt for a file that is no shard, cut short, or
  // longer than its header says, or a damaged header; kUnsupported for another version. Each names the path.
  static Result<TokenShard> Open(const std::filesystem::path& path);

  const ShardFacts& facts() const { return facts_; }
  int64_t num_tokens() const { return facts_.num_tokens; }
  const std::filesystem::path& path() const { return file_.path(); }

  // Whether the tokens are this vocabulary's. Errors: kInvalidArgument.
  Status CheckVocabulary(const tokenizer::Vocabulary& vocabulary) const;

  // Copies the tokens from `begin` on, which must be there. Errors: kCorrupt, with the place of a token that the
  // vocabulary does not have.
  Status Read(int64_t begin, std::span<TokenId> tokens) const;

  // Reads the whole file. Errors: kCorrupt for a token that the vocabulary does not have, or another checksum.
  Status Verify() const;

 private:
  TokenShard() = default;
  std::span<const std::byte> body() const;

  platform::MappedFile file_;
  ShardFacts facts_;
  uint64_t checksum_ = 0;
};

// Writes one shard; move-only, one thread at a time. Without Finish, nothing is left of the file.
class TokenShardWriter {
 public:
  // The numbers of `facts` are counted here. Errors, here and below: kIo, naming the path.
  static Result<TokenShardWriter> Create(const std::filesystem::path& path, const ShardFacts& facts);

  // `tokens`, all of the vocabulary, stand for `num_source_bytes` of text.
  Status Append(std::span<const TokenId> tokens, int64_t num_source_bytes);
  // Gives the file its name, replacing an older one.
  Status Finish();

  const ShardFacts& facts() const { return facts_; }  // so far

 private:
  TokenShardWriter(formats::PartialFile file, const ShardFacts& facts) : file_(std::move(file)), facts_(facts) {}
  Status WriteBlock(size_t size_bytes);

  formats::PartialFile file_;
  ShardFacts facts_;
  std::string pending_;  // less than a block, or a little more
  ChainedHash checksum_;
};

}  // namespace tenfold::training
