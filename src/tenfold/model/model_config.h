// ModelConfig: the numbers that describe a model, from GGUF metadata or from a Hugging Face config.json.
//
// Both readers check that every number makes sense before anything is built or allocated from it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/formats/gguf_writer.h"

namespace tenfold::model {

// Rotary position embedding: which angles a position has.
struct RotaryConfig {
  enum class Scaling {
    kNone,
    kLinear,  // all positions divided by `factor`
    kLlama3,  // long wavelengths divided by `factor`, short ones kept, a ramp between (Llama 3.1)
  };
  int64_t dimensions = 0;  // of a head that rotate
  double base = 10000;
  Scaling scaling = Scaling::kNone;
  double factor = 1;
  double low_frequency_factor = 1;
  double high_frequency_factor = 4;
  double original_context = 8192;
  // Divisors per frequency, when the file brings them ready made (GGUF's rope_freqs.weight); empty otherwise.
  std::vector<float> frequency_divisors;
};

struct ModelConfig {
  std::string architecture;  // GGUF's name: "llama"
  std::string name;          // for people
  int64_t num_layers = 0;
  int64_t hidden_size = 0;
  int64_t ffn_size = 0;
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab_size = 0;
  // Tokens that a sequence may have. Within a sliding window, where a model has one: up to there it is full attention.
  int64_t context_length = 0;
  double norm_epsilon = 1e-5;
  bool tied_head = false;   // the output matrix is the embedding table
  bool has_biases = false;  // of products and norms, where the architecture has any
  RotaryConfig rotary;      // gpt2 has learned positions instead
  // Of a model of embeddings: the first dimensions of one alone are good, any number of them or one of these.
  bool is_matryoshka = false;
  std::vector<int64_t> matryoshka_dimensions;
};

// Errors: kUnsupported for another architecture, kCorrupt for numbers that contradict each other; all name the key.
Result<ModelConfig> ConfigFromGguf(const formats::GgufFile& file);

// `text` is config.json; `source` its path for errors.
Result<ModelConfig> ConfigFromHuggingFace(std::string_view text, const std::string& source);

// Errors: kCorrupt, for numbers that no model can have. Both readers end with it.
Status CheckModelConfig(const ModelConfig& config, const std::string& source);

// Sets the metadata of a GGUF file that ConfigFromGguf reads, and that other programs ask for. What is read off tensors
// (a tied head, biases, divisors of frequencies) is the business of who writes those.
void WriteGgufConfig(const ModelConfig& config, formats::GgufHeaderBuilder& header);

// The frequencies whose multiples are the rotary angles: rotary.dimensions / 2 of them.
std::vector<double> RotaryFrequencies(const RotaryConfig& rotary);

// Llama 3's rule, or the file's own divisors, as one divisor per frequency, which is how GGUF keeps them; empty where
// there are none.
std::vector<float> FrequencyDivisors(const RotaryConfig& rotary);

}  // namespace tenfold::model
