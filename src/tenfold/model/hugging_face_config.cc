// The numbers of a model in a Hugging Face config.json.
#include <algorithm>

#include "tenfold/base/json.h"
#include "tenfold/model/architectures.h"
#include "tenfold/model/model_config.h"
#include "tenfold/model/required_int.h"

namespace tenfold::model {
namespace {

Status ReadScaling(const json::object& config, const std::string& source, RotaryConfig& rotary) {
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

Status ReadLlama(const json::object& object, const std::string& source, ModelConfig& config) {
  const auto require = [&](const char* key) { return RequireInt(GetInt(object, key, source), source, key); };
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
  return ReadScaling(object, source, config.rotary);
}

// GPT-2 has names of its own, and values that newer models do not leave open.
Status ReadGpt2(const json::object& object, const std::string& source, ModelConfig& config) {
  const auto require = [&](const char* key) { return RequireInt(GetInt(object, key, source), source, key); };
  ASSIGN_OR_RETURN(config.num_layers, require("n_layer"));
  ASSIGN_OR_RETURN(config.hidden_size, require("n_embd"));
  ASSIGN_OR_RETURN(config.num_heads, require("n_head"));
  ASSIGN_OR_RETURN(config.context_length, require("n_positions"));
  ASSIGN_OR_RETURN(config.vocab_size, require("vocab_size"));
  config.num_kv_heads = config.num_heads;
  config.head_dim = config.num_heads > 0 ? config.hidden_size / config.num_heads : 0;
  ASSIGN_OR_RETURN(const auto ffn_size, GetInt(object, "n_inner", source));
  config.ffn_size = ffn_size.value_or(4 * std::clamp<int64_t>(config.hidden_size, 0, 1 << 22));
  ASSIGN_OR_RETURN(const auto epsilon, GetNumber(object, "layer_norm_epsilon", source));
  config.norm_epsilon = epsilon.value_or(1e-5);
  ASSIGN_OR_RETURN(const auto tied, GetBool(object, "tie_word_embeddings", source));
  config.tied_head = tied.value_or(true);
  config.has_biases = true;
  ASSIGN_OR_RETURN(const auto activation, GetString(object, "activation_function", source));
  if (activation.value_or("gelu_new") != "gelu_new" && *activation != "gelu_pytorch_tanh") {
    return MakeError(ErrorCode::kUnsupported,
                     "{}: \"activation_function\" \"{}\" is not supported; there are gelu_new and gelu_pytorch_tanh",
                     source, *activation);
  }
  ASSIGN_OR_RETURN(const auto scales, GetBool(object, "scale_attn_weights", source));
  ASSIGN_OR_RETURN(const auto scales_by_layer, GetBool(object, "scale_attn_by_inverse_layer_idx", source));
  if (!scales.value_or(true) || scales_by_layer.value_or(false)) {
    return MakeError(ErrorCode::kUnsupported,
                     "{}: \"scale_attn_weights\" false and \"scale_attn_by_inverse_layer_idx\" true are not supported",
                     source);
  }
  return {};
}

}  // namespace

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
  RETURN_IF_ERROR(architecture == "gpt2" ? ReadGpt2(object, source, config) : ReadLlama(object, source, config));
  RETURN_IF_ERROR(ReadMatryoshka(object, source, config));
  RETURN_IF_ERROR(CheckModelConfig(config, source));
  return config;
}

}  // namespace tenfold::model
