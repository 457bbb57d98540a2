#include "tenfold/model/model_config.h"

#include <cmath>
#include <numbers>

namespace tenfold::model {
namespace {

struct Bound {
  const char* key;
  int64_t value;
  int64_t most;
};

// Llama 3.1's rule: a frequency is divided by `factor` when its wavelength exceeds original_context / low, kept when it
// is below original_context / high, and blended in between.
double Llama3Frequency(double frequency, const RotaryConfig& rotary) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength < rotary.original_context / rotary.high_frequency_factor) return frequency;
  if (wavelength > rotary.original_context / rotary.low_frequency_factor) return frequency / rotary.factor;
  const double smooth = (rotary.original_context / wavelength - rotary.low_frequency_factor) /
                        (rotary.high_frequency_factor - rotary.low_frequency_factor);
  return (1 - smooth) * frequency / rotary.factor + smooth * frequency;
}

}  // namespace

// The greatest sizes are far above any model, and small enough that no product of two overflows.
Status CheckModelConfig(const ModelConfig& config, const std::string& source) {
  const Bound bounds[] = {
      {"number of layers", config.num_layers, 4096},
      {"hidden size", config.hidden_size, 1 << 20},
      {"feed-forward size", config.ffn_size, 1 << 22},
      {"number of attention heads", config.num_heads, 1 << 14},
      {"number of key-value heads", config.num_kv_heads, 1 << 14},
      {"head size", config.head_dim, 1 << 14},
      {"vocabulary size", config.vocab_size, 1 << 20},  // what sampling counts exactly: TokenWeights::kMaxVocabulary
      {"context length", config.context_length, int64_t{1} << 31},
  };
  for (const Bound& bound : bounds) {
    if (bound.value < 1 || bound.value > bound.most) {
      return MakeError(ErrorCode::kCorrupt, "{}: the {} is {}; it must lie in 1..{}", source, bound.key, bound.value,
                       bound.most);
    }
  }
  if (config.num_heads % config.num_kv_heads != 0) {
    return MakeError(ErrorCode::kCorrupt, "{}: {} attention heads cannot share {} key-value heads evenly", source,
                     config.num_heads, config.num_kv_heads);
  }
  if (!(config.norm_epsilon >= 0 && config.norm_epsilon < 1)) {
    return MakeError(ErrorCode::kCorrupt, "{}: the norm's epsilon is {}; it must lie in 0..1", source,
                     config.norm_epsilon);
  }
  if (config.architecture == "gpt2") {
    if (config.num_heads == config.num_kv_heads) return {};
    return MakeError(ErrorCode::kCorrupt, "{}: {} attention heads on {} key-value heads; gpt2 has as many of both",
                     source, config.num_heads, config.num_kv_heads);
  }
  const RotaryConfig& rotary = config.rotary;
  if (rotary.dimensions < 2 || rotary.dimensions % 2 != 0 || rotary.dimensions > config.head_dim) {
    return MakeError(ErrorCode::kCorrupt, "{}: {} rotary dimensions; they must be even and at most the head size {}",
                     source, rotary.dimensions, config.head_dim);
  }
  const bool finite =
      std::isfinite(rotary.base) && rotary.base > 0 && std::isfinite(rotary.factor) && rotary.factor > 0;
  if (!finite) {
    return MakeError(ErrorCode::kCorrupt, "{}: rotary base {} and scaling factor {} must be positive", source,
                     rotary.base, rotary.factor);
  }
  return {};
}

std::vector<double> RotaryFrequencies(const RotaryConfig& rotary) {
  std::vector<double> frequencies(static_cast<size_t>(rotary.dimensions / 2));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    double frequency = std::pow(rotary.base, -2.0 * static_cast<double>(i) / static_cast<double>(rotary.dimensions));
    if (!rotary.frequency_divisors.empty()) frequency /= static_cast<double>(rotary.frequency_divisors[i]);
    if (rotary.scaling == RotaryConfig::Scaling::kLinear) frequency /= rotary.factor;
    if (rotary.scaling == RotaryConfig::Scaling::kLlama3) frequency = Llama3Frequency(frequency, rotary);
    frequencies[i] = frequency;
  }
  return frequencies;
}

std::vector<float> FrequencyDivisors(const RotaryConfig& rotary) {
  if (rotary.scaling != RotaryConfig::Scaling::kLlama3) return rotary.frequency_divisors;
  RotaryConfig unscaled = rotary;
  unscaled.scaling = RotaryConfig::Scaling::kNone;
  std::vector<float> divisors;
  for (const double frequency : RotaryFrequencies(unscaled)) {
    divisors.push_back(static_cast<float>(frequency / Llama3Frequency(frequency, rotary)));
  }
  return divisors;
}

}  // namespace tenfold::model
