// The texts of a run as tokens: the vocabulary, made from them or taken from a model, and the batches.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "tenfold/base/result.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tokenizer/vocabulary.h"
#include "tenfold/training/run_data.h"
#include "tenfold/training/training_config.h"

namespace tenfold::training {

// The vocabulary that the config asks for: that of a GGUF file or a Hugging Face folder, or a new one of the training
// text. Errors: those of reading and of training one.
Result<tokenizer::Vocabulary> MakeVocabulary(const TrainingConfig& config);

// Keeps it in a folder, as Hugging Face's tokenizer.json. Errors: kIo; kUnsupported, where the format cannot say it.
// LoadTokenizerFolder reads it.
Status WriteVocabulary(const tokenizer::Vocabulary& vocabulary, const std::filesystem::path& folder);

struct TrainingText {
  std::unique_ptr<RunData> data;
  int64_t num_training_tokens = 0;
  int64_t num_validation_tokens = 0;  // 0: none
};

// `config` is resolved, its vocab-size that of the vocabulary. Tokens are kept in `folder`, and found there by the next
// process of the run. Errors: those of PrepareCorpus.
Result<TrainingText> ReadTrainingText(const TrainingConfig& config, const tokenizer::Vocabulary& vocabulary,
                                      const std::filesystem::path& folder, platform::ThreadPool& threads);

}  // namespace tenfold::training
