#include "tenfold/training/corpus_encoder.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/hash.h"
#include "tenfold/base/progress.h"
#include "tenfold/tokenizer/utf8.h"
#include "tenfold/tokenizer/vocabulary_hash.h"

namespace tenfold::training {
namespace {

using tokenizer::kNoToken;
using tokenizer::Tokenizer;
using tokenizer::TokenType;
using tokenizer::Vocabulary;

// Rises whenever the same texts would give other tokens: by the size of chunks, or what counts as a document.
constexpr uint64_t kRecipe = 1;
constexpr size_t kChunkBytes = size_t{256} << 10;
// One round of the threads: enough chunks to share out evenly, no more text than this for each thread, and no more
// chunks in all, which may be tiny.
constexpr size_t kRoundBytesPerThread = size_t{1} << 20;
constexpr size_t kMostChunksOfRound = 16384;

void AddText(std::string_view text, ChainedHash& hash) {
  hash.Add(std::to_string(text.size()));
  hash.Add(text);
}

TokenId SeparatorOf(const Vocabulary& vocabulary, std::string_view text) {
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    const bool is_special = type == TokenType::kControl || type == TokenType::kUserDefined;
    if (is_special && !text.empty() && vocabulary.tokens[id] == text) return static_cast<TokenId>(id);
  }
  return vocabulary.eos;
}

std::vector<TextDocuments::Chunk> NextRound(TextDocuments& documents, int num_threads) {
  const size_t limit_bytes = static_cast<size_t>(num_threads) * kRoundBytesPerThread;
  std::vector<TextDocuments::Chunk> round;
  for (size_t bytes = 0; bytes < limit_bytes && round.size() < kMostChunksOfRound;) {
    const auto chunk = documents.Next();
    if (!chunk) break;
    bytes += chunk->text.size();
    round.push_back(*chunk);
  }
  return round;
}

}  // namespace

Result<CorpusEncoder> CorpusEncoder::Create(const Vocabulary& vocabulary, std::string_view separator) {
  ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::Create(vocabulary));
  return CorpusEncoder(std::move(tokenizer), vocabulary, separator);
}

CorpusEncoder::CorpusEncoder(Tokenizer tokenizer, const Vocabulary& vocabulary, std::string_view separator)
    : tokenizer_(std::move(tokenizer)),
      vocabulary_hash_(tokenizer::HashVocabulary(vocabulary)),
      separator_(separator),
      separator_id_(SeparatorOf(vocabulary, separator)),
      normalizes_(vocabulary.normalize_nfc),
      puts_space_(vocabulary.space_prefix != tokenizer::SpacePrefix::kNever && !vocabulary.prefix_only_when_missing) {
  // What has no token falls back to bytes or to the unknown token in the other kind of vocabulary.
  has_byte_.fill(vocabulary.kind != tokenizer::VocabularyKind::kByteLevel);
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string_view bytes = tokenizer_.TokenText(static_cast<TokenId>(id));
    if (vocabulary.types[id] == TokenType::kNormal && bytes.size() == 1)
      has_byte_[static_cast<uint8_t>(bytes[0])] = true;
  }
  has_all_bytes_ = std::ranges::all_of(has_byte_, [](bool has) { return has; });
}

ShardFacts CorpusEncoder::FactsOf(const std::vector<TextPart>& parts) const {
  ChainedHash hash(kRecipe);
  AddText(separator_, hash);
  AddText(std::to_string(separator_id_), hash);
  for (const TextPart& part : parts) AddText(part.text, hash);
  return {.vocabulary_size = static_cast<int64_t>(tokenizer_.vocab_size()),
          .vocabulary_hash = vocabulary_hash_,
          .source_hash = hash.value()};
}

Status CorpusEncoder::Encode(const std::vector<TextPart>& parts, std::string_view title, platform::ThreadPool& threads,
                             TokenShardWriter& writer) const {
  size_t num_bytes = 0;
  for (const TextPart& part : parts) num_bytes += part.text.size();
  ProgressBar progress(std::string(title), num_bytes, ProgressUnit::kBytes);
  for (const TextPart& part : parts) {
    TextDocuments documents(part.text, separator_, kChunkBytes);
    for (bool is_done = false; !is_done;) {
      const size_t num_left = documents.num_bytes_left();
      const std::vector<Chunk> round = NextRound(documents, threads.num_threads());
      if (documents.found_separator() && separator_id_ == kNoToken) {
        return MakeError(
            ErrorCode::kInvalidArgument,
            "{}: \"{}\" stands in the text, but the vocabulary has no such token, nor one that ends texts: "
            "train it with this special token, or name no separator to keep it as text",
            part.file->path().string(), separator_);
      }
      RETURN_IF_ERROR(EncodeRound(round, part, threads, writer));
      progress.Advance(num_left - documents.num_bytes_left());
      is_done = round.empty();
    }
  }
  return {};
}

Status CorpusEncoder::EncodeRound(const std::vector<Chunk>& round, const TextPart& part, platform::ThreadPool& threads,
                                  TokenShardWriter& writer) const {
  std::vector<std::vector<TokenId>> encoded(round.size());
  threads.Run(static_cast<int64_t>(round.size()), [&](int64_t piece, int) {
    encoded[static_cast<size_t>(piece)] = EncodeChunk(round[static_cast<size_t>(piece)]);
  });
  for (size_t i = 0; i < round.size(); ++i) {
    if (!has_all_bytes_) RETURN_IF_ERROR(CheckNothingIsLost(round[i], encoded[i], part));
    if (round[i].ends_document && separator_id_ != kNoToken) encoded[i].push_back(separator_id_);
    RETURN_IF_ERROR(writer.Append(encoded[i], static_cast<int64_t>(round[i].text.size())));
  }
  return {};
}

std::vector<TokenId> CorpusEncoder::EncodeChunk(const Chunk& chunk) const {
  std::string_view text = chunk.text;
  // Within a document, the space that the tokenizer puts before a text is the one that the chunk begins with.
  if (puts_space_ && !chunk.begins_document && text[0] == ' ') text.remove_prefix(1);
  return tokenizer_.Encode(text, {.add_special = false, .parse_special = true});
}

// Vocabularies of the bytes that occurred in one text have no token for others, which would vanish.
Status CorpusEncoder::CheckNothingIsLost(const Chunk& chunk, const std::vector<TokenId>& ids,
                                         const TextPart& part) const {
  std::string text = tokenizer::RepairUtf8(chunk.text);
  if (normalizes_) text = tokenizer::NormalizeNfc(text);
  size_t num_bytes = 0;
  for (const TokenId id : ids) num_bytes += tokenizer_.TokenText(id).size();
  if (num_bytes == text.size()) return {};
  const auto lost = std::ranges::find_if(text, [&](char c) { return !has_byte_[static_cast<uint8_t>(c)]; });
  const auto offset = chunk.text.data() - reinterpret_cast<const char*>(part.file->bytes().data());
  return MakeError(
      ErrorCode::kInvalidArgument,
      "{}: the vocabulary has no token for the byte 0x{:02X}, which stands between bytes {} and {}: train it "
      "on this text too, or with all bytes",
      part.file->path().string(), lost == text.end() ? 0 : static_cast<uint8_t>(*lost), offset,
      offset + static_cast<ptrdiff_t>(chunk.text.size()));
}

}  // namespace tenfold::training
