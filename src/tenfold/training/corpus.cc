#include "tenfold/training/corpus.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <system_error>
#include <utility>

#include "tenfold/base/logging.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/training/corpus_encoder.h"

namespace tenfold::training {
namespace {

using Path = std::filesystem::path;
using MappedFiles = std::vector<platform::MappedFile>;

Status CheckOptions(const CorpusOptions& options) {
  if (options.train_files.empty()) return MakeError(ErrorCode::kInvalidArgument, "no text to train on is named");
  if (!(options.validation_share >= 0 && options.validation_share < 1)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the share of the text for validation is {}; it must be at least 0 and less than 1",
                     options.validation_share);
  }
  if (options.validation_share > 0 && !options.validation_files.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "give either texts for validation or the share of the training text that is for it, not both");
  }
  if (options.context < 1) {
    return MakeError(ErrorCode::kInvalidArgument, "a context of {} tokens: it must be at least 1", options.context);
  }
  return {};
}

Result<MappedFiles> OpenFiles(const std::vector<Path>& paths) {
  MappedFiles files;
  for (const Path& path : paths) {
    ASSIGN_OR_RETURN(files.emplace_back(), platform::MappedFile::Open(path));
  }
  return files;
}

std::string_view TextOf(const platform::MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// Where the last `share` of the text begins: at a whole character, and not within a separator. Where a document ends
// before half of the share, behind it.
size_t SplitPoint(std::string_view text, double share, std::string_view separator) {
  auto point = static_cast<size_t>(static_cast<double>(text.size()) * (1 - share));
  while (point < text.size() && (static_cast<uint8_t>(text[point]) & 0xC0) == 0x80) ++point;
  if (separator.empty() || point == text.size()) return point;
  const size_t begin = point - std::min(point, separator.size() - 1);  // of one that holds the point
  const size_t end = point + std::max((text.size() - point) / 2, separator.size() - 1);
  const size_t found = text.substr(begin, end - begin).find(separator);
  return found == std::string_view::npos ? point : begin + found + separator.size();
}

// The shard at `path`, if it is whole and of just these texts and this vocabulary.
std::optional<TokenShard> FindShard(const Path& path, const ShardFacts& wanted) {
  auto shard = TokenShard::Open(path);
  if (!shard) {
    if (shard.error().code != ErrorCode::kNotFound) LogWarning("replaced: {}", shard.error().message);
    return std::nullopt;
  }
  const ShardFacts& facts = shard->facts();
  if (facts.vocabulary_hash != wanted.vocabulary_hash || facts.source_hash != wanted.source_hash ||
      facts.vocabulary_size != wanted.vocabulary_size) {  // which bounds the tokens that Verify lets through
    return std::nullopt;
  }
  if (const Status status = shard->Verify(); !status) {
    LogWarning("replaced: {}", status.error().message);
    return std::nullopt;
  }
  return std::move(*shard);
}

struct Prepared {
  TokenShard shard;
  bool is_new;
};

Result<Prepared> PrepareShard(const CorpusEncoder& encoder, const std::vector<TextPart>& parts, const Path& path,
                              platform::ThreadPool& threads) {
  const ShardFacts facts = encoder.FactsOf(parts);
  if (auto shard = FindShard(path, facts)) return Prepared{std::move(*shard), false};
  ASSIGN_OR_RETURN(TokenShardWriter writer, TokenShardWriter::Create(path, facts));
  RETURN_IF_ERROR(encoder.Encode(parts, fmt::format("encoding {}", path.filename().string()), threads, writer));
  RETURN_IF_ERROR(writer.Finish());
  ASSIGN_OR_RETURN(TokenShard shard, TokenShard::Open(path));
  return Prepared{std::move(shard), true};
}

Status CheckEnough(const TokenShard& shard, int64_t num_wanted, std::string_view what, const Path& first_file) {
  if (shard.num_tokens() >= num_wanted) return {};
  return MakeError(ErrorCode::kInvalidArgument,
                   "{}: the texts to {} have {} tokens, fewer than the {} of one window: give more text, or a smaller "
                   "context",
                   first_file.string(), what, shard.num_tokens(), num_wanted);
}

}  // namespace

Result<Corpus> PrepareCorpus(const CorpusOptions& options, const tokenizer::Vocabulary& vocabulary, const Path& folder,
                             platform::ThreadPool& threads) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(const MappedFiles train_files, OpenFiles(options.train_files));
  ASSIGN_OR_RETURN(const MappedFiles validation_files, OpenFiles(options.validation_files));
  ASSIGN_OR_RETURN(const CorpusEncoder encoder, CorpusEncoder::Create(vocabulary, options.separator));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return MakeError(ErrorCode::kIo, "{}: cannot be made as a folder: {}", folder.string(), error.message());
  }

  std::vector<TextPart> train_parts;
  std::vector<TextPart> validation_parts;
  for (const platform::MappedFile& file : train_files) {
    const std::string_view text = TextOf(file);
    const size_t split = SplitPoint(text, options.validation_share, options.separator);
    train_parts.push_back({&file, text.substr(0, split)});
    if (split < text.size()) validation_parts.push_back({&file, text.substr(split)});
  }
  for (const platform::MappedFile& file : validation_files) validation_parts.push_back({&file, TextOf(file)});

  ASSIGN_OR_RETURN(Prepared train, PrepareShard(encoder, train_parts, folder / "train.tokens", threads));
  RETURN_IF_ERROR(CheckEnough(train.shard, options.context + 1, "train on", options.train_files[0]));
  Corpus corpus{.train = std::move(train.shard), .num_encoded = train.is_new ? 1 : 0};
  const bool wants_validation = options.validation_share > 0 || !options.validation_files.empty();
  if (!wants_validation) return corpus;
  ASSIGN_OR_RETURN(Prepared validation, PrepareShard(encoder, validation_parts, folder / "validation.tokens", threads));
  const auto& first_file = options.validation_files.empty() ? options.train_files[0] : options.validation_files[0];
  RETURN_IF_ERROR(CheckEnough(validation.shard, 2, "validate on", first_file));
  corpus.validation = std::move(validation.shard);
  corpus.num_encoded += validation.is_new ? 1 : 0;
  return corpus;
}

}  // namespace tenfold::training
