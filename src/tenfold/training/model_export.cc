#include "tenfold/training/model_export.h"

namespace tenfold::training {

Status ExportGguf(const TrainingConfig&, const tokenizer::Vocabulary&, const Trainer&, const std::filesystem::path&,
                  platform::ThreadPool&) {
  return {};
}

Status ExportHuggingFace(const TrainingConfig&, const tokenizer::Vocabulary&, const Trainer&,
                         const std::filesystem::path&, platform::ThreadPool&) {
  return {};
}

}  // namespace tenfold::training
