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
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tensor/data_type.h"

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
  tensor::DataType type = tensor::DataType::kQ4_0;  // of matrices; F32, F16, BF16, Q8_0 or Q4_0
  std::filesystem::path vocabulary;                 // a GGUF file whose tokenizer is taken over, with its size
  std::filesystem::path out;
  bool overwrite = false;
  uint64_t seed = 0;
};

// Writes the model and returns its number of parameters. Streams: needs memory for some rows only. Shows a progress bar
// when it takes over a second. Errors: kInvalidArgument (`out` exists), those of reading a vocabulary, kIo.
Result<int64_t> WriteSynthModel(const SynthOptions& options, platform::ThreadPool& threads);

}  // namespace tenfold::model
