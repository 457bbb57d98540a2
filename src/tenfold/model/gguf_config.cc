// The numbers of a model in GGUF metadata, both ways.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "tenfold/model/architectures.h"
#include "tenfold/model/model_config.h"
#include "tenfold/model/required_int.h"

namespace tenfold::model {
namespace {

// Under the architecture's prefix. LayerNorm's and RMSNorm's epsilons have keys of their own.
const char* EpsilonKey(const ModelConfig& config) {
  return config.architecture == "gpt2" ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon";
}

Status ReadScaling(const formats::GgufFile& file, const std::string& prefix, RotaryConfig& rotary) {
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

Status ReadDivisors(const formats::GgufFile& file, RotaryConfig& rotary) {
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

Status ReadRotary(const formats::GgufFile& file, const std::string& prefix, ModelConfig& config) {
  ASSIGN_OR_RETURN(const auto dimensions, file.GetInt(prefix + "rope.dimension_count"));
  config.rotary.dimensions = dimensions.value_or(config.head_dim);
  ASSIGN_OR_RETURN(const auto base, file.GetNumber(prefix + "rope.freq_base"));
  config.rotary.base = base.value_or(10000);
  return ReadScaling(file, prefix, config.rotary);
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
  const auto require = [&](const char* key) {
    return RequireInt(file.GetInt(prefix + key), file.name(), prefix + key);
  };
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
  const bool is_gpt2 = config.architecture == "gpt2";
  ASSIGN_OR_RETURN(const auto epsilon, file.GetNumber(prefix + EpsilonKey(config)));
  config.norm_epsilon = epsilon.value_or(1e-5);
  if (is_gpt2) {
    config.has_biases = file.FindTensor("blk.0.attn_qkv.bias") != nullptr;
  } else {
    RETURN_IF_ERROR(ReadRotary(file, prefix, config));
  }
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
  RETURN_IF_ERROR(CheckModelConfig(config, file.name()));
  if (!is_gpt2) RETURN_IF_ERROR(ReadDivisors(file, config.rotary));
  return config;
}

void WriteGgufConfig(const ModelConfig& config, formats::GgufHeaderBuilder& header) {
  const std::string prefix = config.architecture + ".";
  const auto set = [&](const char* key, int64_t value) {
    header.SetUint32(prefix + key, static_cast<uint32_t>(value));
  };
  const auto set_number = [&](const char* key, double value) {
    header.SetFloat32(prefix + key, static_cast<float>(value));
  };
  header.SetString("general.architecture", config.architecture);
  if (!config.name.empty()) header.SetString("general.name", config.name);
  set("vocab_size", config.vocab_size);
  set("context_length", config.context_length);
  set("embedding_length", config.hidden_size);
  set("block_count", config.num_layers);
  set("feed_forward_length", config.ffn_size);
  set("attention.head_count", config.num_heads);
  set("attention.head_count_kv", config.num_kv_heads);
  if (config.head_dim * config.num_heads != config.hidden_size) {
    set("attention.key_length", config.head_dim);
    set("attention.value_length", config.head_dim);
  }
  set_number(EpsilonKey(config), config.norm_epsilon);
  if (config.architecture == "gpt2") return;
  set("rope.dimension_count", config.rotary.dimensions);
  set_number("rope.freq_base", config.rotary.base);
  if (config.rotary.scaling != RotaryConfig::Scaling::kLinear) return;
  header.SetString(prefix + "rope.scaling.type", "linear");
  set_number("rope.scaling.factor", config.rotary.factor);
}

}  // namespace tenfold::model
