// The model that a run made, for serving and for other programs.
#pragma once

#include <filesystem>

#include "tenfold/base/result.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tokenizer/vocabulary.h"
#include "tenfold/training/trainer.h"

namespace tenfold::training {

// Whether both formats below can say what a model with this vocabulary is, to be asked before it is trained. Errors:
// kUnsupported.
Status CheckExport(const tokenizer::Vocabulary& vocabulary);

// As a GGUF file, in F32, or BF16 where the run multiplied in bf16. Replaces an older one. Errors: kIo.
Status ExportGguf(const tokenizer::Vocabulary& vocabulary, const Trainer& trainer, const std::filesystem::path& path,
                  platform::ThreadPool& threads);

// The same as a Hugging Face folder.
Status ExportHuggingFace(const tokenizer::Vocabulary& vocabulary, const Trainer& trainer,
                         const std::filesystem::path& path, platform::ThreadPool& threads);

}  // namespace tenfold::training
