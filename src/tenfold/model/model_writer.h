// Writes a whole model: as a GGUF file, or as a Hugging Face folder. What OpenCheckpoint reads is the same model again.
//
// Law 1 holds here too: which tensors a model has is read off its graph. Weights stream through: memory is needed for
// some rows, or for one tensor where it is transposed.
//
//   FloatWeights weights([&](const std::string& name) { return buffer.subspan(offset(name), size(name)); });
//   RETURN_IF_ERROR(WriteGgufModel({.config = &config, .vocabulary = &vocabulary, .weights = &weights},
//                                  {.mix = FindWeightMix("Q8_0")}, "model.gguf", threads));
//
// Every file gets its name only when it is complete; after an error nothing is left. A gpt2 without biases is written
// with biases of zero, which other programs ask for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "tenfold/base/result.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/model/model_config.h"
#include "tenfold/model/weight_mix.h"
#include "tenfold/model/weight_source.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/sampling/sampling_defaults.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::model {

struct ModelContent {
  const ModelConfig* config = nullptr;
  const tokenizer::Vocabulary* vocabulary = nullptr;  // with the chat template
  const WeightSource* weights = nullptr;
  sampling::SamplingDefaults sampling_defaults = {};
  // Of GGUF: a file whose tokenizer.* metadata is copied as it stands instead.
  const formats::GgufFile* tokenizer_file = nullptr;
};

struct WriteOptions {
  // The types of the matrices; without it, each tensor keeps its own where the format has it, and what a format without
  // quantized types cannot keep becomes F32. Vectors are in F32 in any case, but for those of a folder without a mix.
  const WeightMix* mix = nullptr;
  bool overwrite = false;
};

struct WriteSummary {
  int64_t num_parameters = 0;
  int64_t num_fallbacks = 0;      // matrices whose rows are no whole blocks of their type, so that they have another
  uint64_t size_bytes = 0;        // of all tensors
  std::string_view matrix_types;  // the mix, or the type that most weights are in
};

// Errors, of both: kInvalidArgument (`out` exists, or a mix of quantized types for a folder), kUnsupported (what the
// format cannot say), kIo, and those of the weights. Both show a progress bar when it takes over a second.
Result<WriteSummary> WriteGgufModel(const ModelContent& content, const WriteOptions& options,
                                    const std::filesystem::path& out, platform::ThreadPool& threads);

// config.json, generation_config.json, model.safetensors, tokenizer.json, tokenizer_config.json. Replaces a folder only
// when nothing but a model's files lies in it.
Result<WriteSummary> WriteHuggingFaceModel(const ModelContent& content, const WriteOptions& options,
                                           const std::filesystem::path& out, platform::ThreadPool& threads);

// Errors: kInvalidArgument, saying how it is replaced, where `out` exists and `overwrite` is false.
Status RefuseExisting(const std::filesystem::path& out, bool overwrite);

}  // namespace tenfold::model
