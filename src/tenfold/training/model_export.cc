#include "tenfold/training/model_export.h"

#include "tenfold/formats/gguf_writer.h"
#include "tenfold/model/gguf_vocabulary_writer.h"
#include "tenfold/model/model_writer.h"
#include "tenfold/model/weight_mix.h"
#include "tenfold/model/weight_source.h"
#include "tenfold/tokenizer/tokenizer_json_writer.h"

namespace tenfold::training {
namespace {

using Writer = decltype(model::WriteGgufModel);

Status Write(Writer& write, const tokenizer::Vocabulary& vocabulary, const Trainer& trainer,
             const std::filesystem::path& path, platform::ThreadPool& threads) {
  const model::ModelConfig config = ModelConfigOf(trainer.config());
  const model::FloatWeights weights(
      [&](const std::string& name) { return trainer.weight(trainer.layout().entry(name)); });
  const char* const type = trainer.config().precision == "bf16" ? "BF16" : "F32";
  const auto written = write({.config = &config, .vocabulary = &vocabulary, .weights = &weights},
                             {.mix = model::FindWeightMix(type), .overwrite = true}, path, threads);
  if (!written) return tl::unexpected(written.error());
  return {};
}

}  // namespace

Status CheckExport(const tokenizer::Vocabulary& vocabulary) {
  formats::GgufHeaderBuilder header;
  RETURN_IF_ERROR(model::WriteGgufVocabulary(vocabulary, static_cast<int64_t>(vocabulary.tokens.size()), header));
  const auto tokenizer_json = tokenizer::TokenizerJson(vocabulary);
  if (!tokenizer_json) return tl::unexpected(tokenizer_json.error());
  return {};
}

Status ExportGguf(const tokenizer::Vocabulary& vocabulary, const Trainer& trainer, const std::filesystem::path& path,
                  platform::ThreadPool& threads) {
  return Write(model::WriteGgufModel, vocabulary, trainer, path, threads);
}

Status ExportHuggingFace(const tokenizer::Vocabulary& vocabulary, const Trainer& trainer,
                         const std::filesystem::path& path, platform::ThreadPool& threads) {
  return Write(model::WriteHuggingFaceModel, vocabulary, trainer, path, threads);
}

}  // namespace tenfold::training
