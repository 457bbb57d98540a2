#include "tenfold/training/training_text.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tenfold/base/random.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/model/gguf_vocabulary.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/bpe_trainer.h"
#include "tenfold/tokenizer/tokenizer_json.h"
#include "tenfold/tokenizer/tokenizer_json_writer.h"

namespace tenfold::training {
namespace {

Result<std::string> ReadAll(const std::vector<std::string>& files) {
  std::string all;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(const std::string text, platform::ReadTextFile(file, size_t{1} << 40));
    all += text;
  }
  return all;
}

// Stands in for the token shards and the loader.
class TokenWindows : public RunData {
 public:
  TokenWindows(const TrainingConfig& config, std::vector<TokenId> training, std::vector<TokenId> validation,
               const tokenizer::Tokenizer& tokenizer)
      : batch_size_(config.batch_size),
        length_(config.model.context_length),
        training_(std::move(training)),
        validation_(std::move(validation)),
        position_{.seed = config.seed} {
    for (size_t id = 0; id < tokenizer.vocab_size(); ++id) {
      token_bytes_.push_back(static_cast<int64_t>(tokenizer.TokenText(static_cast<TokenId>(id)).size()));
    }
  }

  graph::TrainingBatch NextMicroBatch() override {
    graph::TrainingBatch batch;
    const auto num_places = static_cast<double>(training_.size() - static_cast<size_t>(length_));
    for (int64_t i = 0; i < batch_size_; ++i) {
      const double draw = UniformDouble(position_.seed, 1, static_cast<uint64_t>(position_.position++));
      AddWindow(training_, static_cast<size_t>(draw * num_places), static_cast<size_t>(length_), batch);
    }
    return batch;
  }
  DataPosition position() const override { return position_; }
  Status Seek(const DataPosition& position) override {
    position_ = position;
    return {};
  }

  void RestartValidation() override { validated_ = 0; }
  std::optional<ValidationBatch> NextValidationBatch() override {
    ValidationBatch next;
    for (int64_t i = 0; i < batch_size_ && validated_ + 1 < validation_.size(); ++i) {
      const size_t length = std::min(static_cast<size_t>(length_), validation_.size() - 1 - validated_);
      AddWindow(validation_, validated_, length, next.batch);
      validated_ += length;
    }
    if (next.batch.tokens.empty()) return std::nullopt;
    for (const TokenId target : next.batch.targets) next.num_bytes += token_bytes_[static_cast<size_t>(target)];
    return next;
  }

 private:
  static void AddWindow(const std::vector<TokenId>& text, size_t begin, size_t length, graph::TrainingBatch& batch) {
    for (size_t i = begin; i < begin + length; ++i) {
      batch.target_rows.push_back(static_cast<int32_t>(batch.tokens.size()));
      batch.tokens.push_back(text[i]);
      batch.targets.push_back(text[i + 1]);
    }
    batch.sequence_lengths.push_back(static_cast<int64_t>(length));
  }

  int64_t batch_size_, length_;
  std::vector<TokenId> training_, validation_;
  std::vector<int64_t> token_bytes_;
  DataPosition position_;
  size_t validated_ = 0;
};

}  // namespace

Result<tokenizer::Vocabulary> MakeVocabulary(const TrainingConfig& config) {
  const bool is_bpe = config.vocabulary == "bpe";
  if (is_bpe || config.vocabulary == "characters") {
    ASSIGN_OR_RETURN(const std::string text, ReadAll(config.train_files));
    const std::string_view texts[] = {text};
    using Alphabet = tokenizer::BpeTrainerOptions::Alphabet;
    return tokenizer::TrainBpe(
        texts, is_bpe ? tokenizer::BpeTrainerOptions{.vocabulary_size = config.model.vocab_size}
                      : tokenizer::BpeTrainerOptions{
                            .vocabulary_size = 0, .alphabet = Alphabet::kBytesThatOccur, .special_tokens = {}});
  }
  const std::filesystem::path path = config.vocabulary;
  if (std::filesystem::is_directory(path)) return tokenizer::LoadTokenizerFolder(path);
  ASSIGN_OR_RETURN(const auto file, formats::GgufFile::Open(path));
  return model::ReadGgufVocabulary(file);
}

Status WriteVocabulary(const tokenizer::Vocabulary& vocabulary, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return MakeError(ErrorCode::kIo, "{}: cannot be made: {}", folder.string(), error.message());
  ASSIGN_OR_RETURN(const json::object tokens, tokenizer::TokenizerJson(vocabulary));
  RETURN_IF_ERROR(
      WriteWhole(folder / "tokenizer_config.json", json::serialize(tokenizer::TokenizerConfigJson(vocabulary)) + "\n"));
  return WriteWhole(folder / "tokenizer.json", json::serialize(tokens) + "\n");
}

Result<TrainingText> ReadTrainingText(const TrainingConfig& config, const tokenizer::Tokenizer& tokenizer,
                                      platform::ThreadPool&) {
  ASSIGN_OR_RETURN(const std::string text, ReadAll(config.train_files));
  std::vector<TokenId> training = tokenizer.Encode(text, {.add_special = false}), validation;
  if (!config.validation_files.empty()) {
    ASSIGN_OR_RETURN(const std::string validation_text, ReadAll(config.validation_files));
    validation = tokenizer.Encode(validation_text, {.add_special = false});
  } else {
    const auto kept = static_cast<int64_t>(static_cast<double>(training.size()) * (1 - config.validation_share));
    validation.assign(training.begin() + kept, training.end());
    training.resize(static_cast<size_t>(kept));
  }
  if (static_cast<int64_t>(training.size()) <= config.model.context_length) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "train-files have {} tokens to learn from; a sequence of context-length {} needs one more than "
                     "that",
                     training.size(), config.model.context_length);
  }
  TrainingText prepared;
  prepared.num_training_tokens = static_cast<int64_t>(training.size());
  prepared.num_validation_tokens = static_cast<int64_t>(validation.size());
  prepared.data = std::make_unique<TokenWindows>(config, std::move(training), std::move(validation), tokenizer);
  return prepared;
}

}  // namespace tenfold::training
