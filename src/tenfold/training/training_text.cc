#include "tenfold/training/training_text.h"

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/formats/partial_file.h"
#include "tenfold/model/gguf_vocabulary.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/bpe_trainer.h"
#include "tenfold/tokenizer/tokenizer_json.h"
#include "tenfold/tokenizer/tokenizer_json_writer.h"
#include "tenfold/training/corpus.h"

namespace tenfold::training {
namespace {

// The shards of a corpus, shuffled for training and in their order for validation.
class CorpusData : public RunData {
 public:
  static Result<std::unique_ptr<CorpusData>> Create(const TrainingConfig& config, Corpus corpus) {
    std::unique_ptr<CorpusData> data(new CorpusData(config, std::move(corpus)));
    RETURN_IF_ERROR(data->Seek({.seed = config.seed}));
    if (data->corpus_.validation) {
      ASSIGN_OR_RETURN(data->validation_, SequentialWindows::Create(*data->corpus_.validation, data->context_));
    }
    return data;
  }

  Result<graph::TrainingBatch> NextMicroBatch() override { return loader_->Next(batch_size_); }
  DataLoaderState state() const override { return loader_->state(); }
  DataIdentity identity() const override {
    const ShardFacts& facts = corpus_.train.facts();
    return {facts.source_hash, facts.vocabulary_hash, context_};
  }
  Status Seek(const DataLoaderState& state) override {
    ASSIGN_OR_RETURN(loader_, DataLoader::Create(corpus_.train, context_, state));
    return {};
  }

  Result<std::optional<ValidationBatch>> ReadValidationBatch(int64_t index) const override {
    const int64_t first = index * batch_size_;
    if (!validation_ || first >= validation_->num_windows()) return std::nullopt;
    ValidationBatch next;
    ASSIGN_OR_RETURN(next.batch, validation_->Read(first, batch_size_));
    // Of a part of the text: its share of the tokens.
    next.num_bytes = static_cast<double>(validation_->num_source_bytes()) *
                     static_cast<double>(next.batch.targets.size()) / static_cast<double>(validation_->num_targets());
    return next;
  }

 private:
  CorpusData(const TrainingConfig& config, Corpus corpus)
      : batch_size_(config.batch_size), context_(config.model.context_length), corpus_(std::move(corpus)) {}

  int64_t batch_size_, context_;
  Corpus corpus_;
  std::optional<DataLoader> loader_;
  std::optional<SequentialWindows> validation_;
};

}  // namespace

Result<tokenizer::Vocabulary> MakeVocabulary(const TrainingConfig& config) {
  if (TakesVocabulary(config)) {
    if (std::filesystem::is_directory(config.vocabulary)) return tokenizer::LoadTokenizerFolder(config.vocabulary);
    ASSIGN_OR_RETURN(const auto file, formats::GgufFile::Open(config.vocabulary));
    return model::ReadGgufVocabulary(file);
  }
  std::vector<platform::MappedFile> files;
  std::vector<std::string_view> texts;
  for (const std::string& path : config.train_files) {
    ASSIGN_OR_RETURN(files.emplace_back(), platform::MappedFile::Open(path));
    const auto bytes = files.back().bytes();
    texts.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  using Alphabet = tokenizer::BpeTrainerOptions::Alphabet;
  return tokenizer::TrainBpe(
      texts, config.vocabulary == "bpe"
                 ? tokenizer::BpeTrainerOptions{.vocabulary_size = config.model.vocab_size}
                 : tokenizer::BpeTrainerOptions{
                       .vocabulary_size = 0, .alphabet = Alphabet::kBytesThatOccur, .special_tokens = {}});
}

Status WriteVocabulary(const tokenizer::Vocabulary& vocabulary, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return MakeError(ErrorCode::kIo, "{}: cannot be made: {}", folder.string(), error.message());
  ASSIGN_OR_RETURN(const json::object tokens, tokenizer::TokenizerJson(vocabulary));
  RETURN_IF_ERROR(formats::WriteWhole(folder / "tokenizer_config.json",
                                      json::serialize(tokenizer::TokenizerConfigJson(vocabulary)) + "\n"));
  return formats::WriteWhole(folder / "tokenizer.json", json::serialize(tokens) + "\n");
}

Result<TrainingText> ReadTrainingText(const TrainingConfig& config, const tokenizer::Vocabulary& vocabulary,
                                      const std::filesystem::path& folder, platform::ThreadPool& threads) {
  CorpusOptions options{.train_files = {config.train_files.begin(), config.train_files.end()},
                        .validation_files = {config.validation_files.begin(), config.validation_files.end()},
                        .validation_share = config.validation_files.empty() ? config.validation_share : 0,
                        .context = config.model.context_length};
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return MakeError(ErrorCode::kIo, "{}: cannot be made: {}", folder.string(), error.message());
  ASSIGN_OR_RETURN(Corpus corpus, PrepareCorpus(options, vocabulary, folder, threads));
  TrainingText text;
  text.num_training_tokens = corpus.train.num_tokens();
  if (corpus.validation) text.num_validation_tokens = corpus.validation->num_tokens();
  ASSIGN_OR_RETURN(text.data, CorpusData::Create(config, std::move(corpus)));
  return text;
}

}  // namespace tenfold::training
