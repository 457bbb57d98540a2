// Synthetic models: random weights at the shapes of real models, as GGUF files, for benchmarks and tests.
//
// The architecture is llama, the metadata complete, so that other engines load the files too. Matrices are drawn with a
// standard deviation of 1 / sqrt(cols), norms are ones: activations and logits stay of the order of one through all
// layers. A weight is a function of (seed, tensor, element), whatever the number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "tenfold/base/result.h"
#include "tenfold/model/model_writer.h"
#include "tenfold/model/weight_mix.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::model {

struct SynthShape {
  std::string_view name;
  int64_t num_layers;
  int64_t hidden_size;
  int64_t ffn_size;
  int64_t num_heads;
  int64_t num_kv_heads;
  int64_t context_length;
  double rotary_base;
  bool tied_head;  // no output.weight: the embedding table serves as the output matrix
};

// All known shapes. Rotary scaling (Llama 3's) is left out: it changes no amount of work.
std::span<const SynthShape> SynthShapes();

// Errors: kInvalidArgument, listing the known names.
Result<const SynthShape*> FindSynthShape(std::string_view name);

struct SynthOptions {
  const SynthShape* shape = nullptr;
  const WeightMix* mix = nullptr;    // the types of the matrices
  std::filesystem::path vocabulary;  // a GGUF file whose tokenizer is taken over, with its size
  std::filesystem::path out;
  bool overwrite = false;
  uint64_t seed = 0;
};

// Writes the model. Errors: those of reading a vocabulary, and of WriteGgufModel.
Result<WriteSummary> WriteSynthModel(const SynthOptions& options, platform::ThreadPool& threads);

}  // namespace tenfold::model
