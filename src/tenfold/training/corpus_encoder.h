// CorpusEncoder: texts to the tokens of a shard, on all threads. What corpus.h makes shards with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tokenizer/tokenizer.h"
#include "tenfold/tokenizer/vocabulary.h"
#include "tenfold/training/text_documents.h"
#include "tenfold/training/token_shard.h"

namespace tenfold::training {

// A file, or the part of it that goes into one shard.
struct TextPart {
  const platform::MappedFile* file;
  std::string_view text;  // of the file
};

// Immutable after Create.
class CorpusEncoder {
 public:
  // Errors: those of Tokenizer::Create.
  static Result<CorpusEncoder> Create(const tokenizer::Vocabulary& vocabulary, std::string_view separator);

  // What a shard of these parts has in its header: the vocabulary, and a hash of the texts and of how they are encoded.
  // Reads the texts.
  ShardFacts FactsOf(const std::vector<TextPart>& parts) const;

  // Encodes the documents of the parts in order. The tokens do not depend on the number of threads. Errors: as
  // PrepareCorpus says for texts, and kIo.
  Status Encode(const std::vector<TextPart>& parts, std::string_view title, platform::ThreadPool& threads,
                TokenShardWriter& writer) const;

 private:
  using Chunk = TextDocuments::Chunk;

  CorpusEncoder(tokenizer::Tokenizer tokenizer, const tokenizer::Vocabulary& vocabulary, std::string_view separator);
  Status EncodeRound(const std::vector<Chunk>& round, const TextPart& part, platform::ThreadPool& threads,
                     TokenShardWriter& writer) const;
  std::vector<TokenId> EncodeChunk(const Chunk& chunk) const;
  Status CheckNothingIsLost(const Chunk& chunk, const std::vector<TokenId>& ids, const TextPart& part) const;

  tokenizer::Tokenizer tokenizer_;
  uint64_t vocabulary_hash_;
  std::string separator_;
  TokenId separator_id_;  // kNoToken: the vocabulary has none
  bool normalizes_;
  bool puts_space_;                   // before any text, even one that begins with a space
  std::array<bool, 256> has_byte_{};  // whether text with this byte can be encoded
  bool has_all_bytes_ = false;
};

}  // namespace tenfold::training
