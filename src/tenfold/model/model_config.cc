#include "tenfold/model/model_config.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "tenfold/base/json.h"
#include "tenfold/model/architectures.h"

namespace tenfold::model {
namespace {

struct Bound {
  const char* key;
  int64_t value;
  int64_t most;
};

// The greatest sizes are far above any model, and small enough that no product of two overflows.
Status CheckNumbers(const ModelConfig& config, const std::string& source) {
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
  if (!(config.norm_epsilon >= 0 && config.norm_epsilon < 1)) {
    return MakeError(ErrorCode::kCorrupt, "{}: the norm's epsilon is {}; it must lie in 0..1", source,
                     config.norm_epsilon);
  }
  return {};
}

Result<int64_t> Require(Result<std::optional<int64_t>> value, const std::string& source, std::string_view key) {
  ASSIGN_OR_RETURN(const std::optional<int64_t> number, std::move(value));
  if (!number) return MakeError(ErrorCode::kCorrupt, "{}: \"{}\" is missing", source, key);
  return *number;
}

Status ReadGgufScaling(const formats::GgufFile& file, const std::string& prefix, RotaryConfig& rotary) {
  ASSIGN_OR_RETURN(const auto type, file.GetString(prefix + "rope.scaling.type"));
  if (!type || *type == "none") return {};
  if (*type != "linear") {
    return MakeError(ErrorCode::kUnsupported, "{}: rotary scaling \"{}\" is not supported; there are none and linear",
                     file.name(), *type);
  }
  ASSIGN_OR_RETURN(const auto factor, file.GetNumber(prefix + "rope.scaling.factor"));
  rotary.scaling = RotaryConfig::Scaling::kLinear;
  rotary.factor = factor.value_or(1);
  return {};
}

Status ReadGgufDivisors(const formats::GgufFile& file, RotaryConfig& rotary) {
  if (file.FindTensor("rope_freqs.weight") == nullptr) return {};
  ASSIGN_OR_RETURN(const tensor::TensorView view, file.Tensor("rope_freqs.weight"));
  if (view.type != tensor::DataType::kF32 || view.shape != tensor::Shape{rotary.dimensions / 2}) {
    return MakeError(ErrorCode::kCorrupt, "{}: rope_freqs.weight is {} {}, not F32 [{}]", file.name(), Name(view.type),
                     view.shape.ToString(), rotary.dimensions / 2);
  }
  rotary.frequency_divisors.resize(static_cast<size_t>(view.shape.cols()));
  std::memcpy(rotary.frequency_divisors.data(), view.data, view.size_bytes());
  for (const float divisor : rotary.frequency_divisors) {
    if (!std::isfinite(divisor) || divisor <= 0) {
      return MakeError(ErrorCode::kCorrupt, "{}: rope_freqs.weight holds {}, which is not positive", file.name(),
                       divisor);
    }
  }
  return {};
}

Status ReadHuggingFaceScaling(const json::object& config, const std::string& source, RotaryConfig& rotary) {
  // Newer files put the base and the scaling together under "rope_parameters".
  const bool is_new = config.contains("rope_parameters");
  const char* const key = is_new ? "rope_parameters" : "rope_scaling";
  const json::value* value = config.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_object()) return MakeError(ErrorCode::kCorrupt, "{}: \"{}\" must be an object", source, key);
  const json::object& scaling = value->get_object();
  ASSIGN_OR_RETURN(const auto base, GetNumber(scaling, "rope_theta", source));
  rotary.base = base.value_or(rotary.base);
  ASSIGN_OR_RETURN(auto type, GetString(scaling, "rope_type", source));
  if (!type) {
    ASSIGN_OR_RETURN(type, GetString(scaling, "type", source));
  }
  if (!type || *type == "default") return {};
  if (*type == "linear") {
    rotary.scaling = RotaryConfig::Scaling::kLinear;
  } else if (*type == "llama3") {
    rotary.scaling = RotaryConfig::Scaling::kLlama3;
  } else {
    return MakeError(ErrorCode::kUnsupported,
                     "{}: rotary scaling \"{}\" is not supported; there are default, linear and llama3", source, *type);
  }
  const auto read = [&](const char* key, double& number) -> Status {
    ASSIGN_OR_RETURN(const auto given, GetNumber(scaling, key, source));
    if (given) number = *given;
    return {};
  };
  RETURN_IF_ERROR(read("factor", rotary.factor));
  RETURN_IF_ERROR(read("low_freq_factor", rotary.low_frequency_factor));
  RETURN_IF_ERROR(read("high_freq_factor", rotary.high_frequency_factor));
  RETURN_IF_ERROR(read("original_max_position_embeddings", rotary.original_context));
  if (rotary.high_frequency_factor <= rotary.low_frequency_factor) {
    return MakeError(ErrorCode::kCorrupt, "{}: rope_scaling: high_freq_factor {} must be above low_freq_factor {}",
                     source, rotary.high_frequency_factor, rotary.low_frequency_factor);
  }
  return {};
}

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

// Keys that makers of embedding models write there for vLLM.
Status ReadMatryoshka(const json::object& object, const std::string& source, ModelConfig& config) {
  ASSIGN_OR_RETURN(const auto is_matryoshka, GetBool(object, "is_matryoshka", source));
  config.is_matryoshka = is_matryoshka.value_or(false);
  const json::value* dimensions = object.if_contains("matryoshka_dimensions");
  if (dimensions == nullptr || dimensions->is_null()) return {};
  const bool is_array = dimensions->is_array();
  for (const json::value& value : is_array ? dimensions->get_array() : json::array()) {
    const bool is_size = value.is_int64() && value.get_int64() >= 1 && value.get_int64() <= config.hidden_size;
    if (is_size) config.matryoshka_dimensions.push_back(value.get_int64());
  }
  if (!is_array || config.matryoshka_dimensions.size() != dimensions->get_array().size()) {
    return MakeError(ErrorCode::kCorrupt, "{}: \"matryoshka_dimensions\" must be an array of sizes between 1 and {}",
                     source, config.hidden_size);
  }
  config.is_matryoshka = true;
  return {};
}

}  // namespace

Result<ModelConfig> ConfigFromGguf(const formats::GgufFile& file) {
  ASSIGN_OR_RETURN(const auto architecture, file.GetString("general.architecture"));
  if (!architecture) return MakeError(ErrorCode::kCorrupt, "{}: \"general.architecture\" is missing", file.name());
  RETURN_IF_ERROR(CheckArchitecture(*architecture, file.name()));
  ModelConfig config;
  config.architecture = *architecture;
  ASSIGN_OR_RETURN(const auto name, file.GetString("general.name"));
  config.name = name.value_or("");
  const std::string prefix = config.architecture + ".";
  const auto require = [&](const char* key) { return Require(file.GetInt(prefix + key), file.name(), prefix + key); };
  ASSIGN_OR_RETURN(config.num_layers, require("block_count"));
  ASSIGN_OR_RETURN(config.hidden_size, require("embedding_length"));
  ASSIGN_OR_RETURN(config.ffn_size, require("feed_forward_length"));
  ASSIGN_OR_RETURN(config.num_heads, require("attention.head_count"));
  ASSIGN_OR_RETURN(config.context_length, require("context_length"));
  ASSIGN_OR_RETURN(const auto window, file.GetInt(prefix + "attention.sliding_window"));
  if (window.value_or(0) > 0) config.context_length = std::min(config.context_length, *window);
  ASSIGN_OR_RETURN(const auto kv_heads, file.GetInt(prefix + "attention.head_count_kv"));
  config.num_kv_heads = kv_heads.value_or(config.num_heads);
  ASSIGN_OR_RETURN(const auto head_dim, file.GetInt(prefix + "attention.key_length"));
  config.head_dim = head_dim.value_or(config.num_heads > 0 ? config.hidden_size / config.num_heads : 0);
  ASSIGN_OR_RETURN(const auto epsilon, file.GetNumber(prefix + "attention.layer_norm_rms_epsilon"));
  config.norm_epsilon = epsilon.value_or(1e-5);
  ASSIGN_OR_RETURN(const auto rotary_dimensions, file.GetInt(prefix + "rope.dimension_count"));
  config.rotary.dimensions = rotary_dimensions.value_or(config.head_dim);
  ASSIGN_OR_RETURN(const auto base, file.GetNumber(prefix + "rope.freq_base"));
  config.rotary.base = base.value_or(10000);
  ASSIGN_OR_RETURN(const auto num_experts, file.GetInt(prefix + "expert_count"));
  if (num_experts.value_or(0) > 0) {
    return MakeError(ErrorCode::kUnsupported, "{}: mixtures of experts ({}expert_count = {}) are not supported yet",
                     file.name(), prefix, *num_experts);
  }
  const formats::GgufTensor* table = file.FindTensor("token_embd.weight");
  if (table == nullptr) {
    return MakeError(ErrorCode::kCorrupt,
                     "{}: it holds no tensor token_embd.weight; is it a vocabulary without weights?", file.name());
  }
  config.vocab_size = table->shape.rows();
  config.tied_head = file.FindTensor("output.weight") == nullptr;
  RETURN_IF_ERROR(ReadGgufScaling(file, prefix, config.rotary));
  RETURN_IF_ERROR(CheckNumbers(config, file.name()));
  RETURN_IF_ERROR(ReadGgufDivisors(file, config.rotary));
  return config;
}

Result<ModelConfig> ConfigFromHuggingFace(std::string_view text, const std::string& source) {
  ASSIGN_OR_RETURN(const json::value document, ParseJson(text, source));
  if (!document.is_object()) return MakeError(ErrorCode::kCorrupt, "{}: must hold one JSON object", source);
  const json::object& object = document.get_object();
  ASSIGN_OR_RETURN(const auto type, GetString(object, "model_type", source));
  if (!type) return MakeError(ErrorCode::kCorrupt, "{}: \"model_type\" is missing", source);
  // Mistral is Llama with a window over its attention, which later versions leave out.
  const std::string architecture = *type == "mistral" ? "llama" : *type;
  RETURN_IF_ERROR(CheckArchitecture(architecture, source));
  ModelConfig config;
  config.architecture = architecture;
  const auto require = [&](const char* key) { return Require(GetInt(object, key, source), source, key); };
  ASSIGN_OR_RETURN(config.num_layers, require("num_hidden_layers"));
  ASSIGN_OR_RETURN(config.hidden_size, require("hidden_size"));
  ASSIGN_OR_RETURN(config.ffn_size, require("intermediate_size"));
  ASSIGN_OR_RETURN(config.num_heads, require("num_attention_heads"));
  ASSIGN_OR_RETURN(config.context_length, require("max_position_embeddings"));
  ASSIGN_OR_RETURN(config.vocab_size, require("vocab_size"));
  ASSIGN_OR_RETURN(const auto window, GetInt(object, "sliding_window", source));
  config.context_length = std::min(config.context_length, window.value_or(config.context_length));
  ASSIGN_OR_RETURN(const auto kv_heads, GetInt(object, "num_key_value_heads", source));
  config.num_kv_heads = kv_heads.value_or(config.num_heads);
  ASSIGN_OR_RETURN(const auto head_dim, GetInt(object, "head_dim", source));
  config.head_dim = head_dim.value_or(config.num_heads > 0 ? config.hidden_size / config.num_heads : 0);
  config.rotary.dimensions = config.head_dim;
  ASSIGN_OR_RETURN(const auto epsilon, GetNumber(object, "rms_norm_eps", source));
  config.norm_epsilon = epsilon.value_or(1e-6);
  ASSIGN_OR_RETURN(const auto base, GetNumber(object, "rope_theta", source));
  config.rotary.base = base.value_or(10000);
  ASSIGN_OR_RETURN(const auto tied, GetBool(object, "tie_word_embeddings", source));
  config.tied_head = tied.value_or(false);
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    ASSIGN_OR_RETURN(const auto bias, GetBool(object, key, source));
    if (bias.value_or(false))
      return MakeError(ErrorCode::kUnsupported, "{}: \"{}\": true is not supported yet", source, key);
  }
  ASSIGN_OR_RETURN(const auto activation, GetString(object, "hidden_act", source));
  if (activation.value_or("silu") != "silu") {
    return MakeError(ErrorCode::kUnsupported, "{}: \"hidden_act\" \"{}\" is not supported; there is silu", source,
                     *activation);
  }
  RETURN_IF_ERROR(ReadHuggingFaceScaling(object, source, config.rotary));
  RETURN_IF_ERROR(ReadMatryoshka(object, source, config));
  RETURN_IF_ERROR(CheckNumbers(config, source));
  return config;
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

}  // namespace tenfold::model
