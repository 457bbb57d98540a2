#include "tenfold/model/hugging_face_config_writer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

namespace tenfold::model {
namespace {

using Scaling = RotaryConfig::Scaling;
using tensor::DataType;
using tokenizer::kNoToken;

// A number that came from an f32 is written with the digits that an f32 has: 1e-05 instead of 9.99999974737875e-06.
double Shortest(double number) {
  const auto narrow = static_cast<float>(number);
  return static_cast<double>(narrow) == number ? std::strtod(fmt::format("{}", narrow).c_str(), nullptr) : number;
}

json::object Llama3Scaling(const RotaryConfig& rotary) {
  return {{"rope_type", "llama3"},
          {"factor", rotary.factor},
          {"low_freq_factor", rotary.low_frequency_factor},
          {"high_freq_factor", rotary.high_frequency_factor},
          {"original_max_position_embeddings", static_cast<int64_t>(rotary.original_context)}};
}

// GGUF files keep only what Llama 3's rule gave: one divisor per frequency, of which the last is its factor. The models
// that have the rule share its other numbers; that they give these divisors is checked.
Result<json::object> RuleOfDivisors(const RotaryConfig& rotary) {
  RotaryConfig rule = rotary;
  rule.frequency_divisors.clear();
  rule.scaling = Scaling::kLlama3;
  rule.factor = static_cast<double>(rotary.frequency_divisors.back());
  rule.low_frequency_factor = 1;
  rule.high_frequency_factor = 4;
  for (const double original_context : {8192.0, 4096.0, 2048.0, 1024.0, 512.0, 256.0, 128.0, 64.0, 32.0}) {
    rule.original_context = original_context;
    const auto is_near = [](float a, float b) { return std::abs(a - b) <= 1e-5f * b; };
    if (std::ranges::equal(FrequencyDivisors(rule), rotary.frequency_divisors, is_near)) return Llama3Scaling(rule);
  }
  return MakeError(ErrorCode::kUnsupported,
                   "the rotary frequencies have divisors (rope_freqs.weight) that are not those of Llama 3's rule; "
                   "config.json has no place for others");
}

Result<json::value> RopeScaling(const RotaryConfig& rotary) {
  if (!rotary.frequency_divisors.empty()) {
    ASSIGN_OR_RETURN(json::object rule, RuleOfDivisors(rotary));
    return json::value(std::move(rule));
  }
  switch (rotary.scaling) {
    case Scaling::kNone:
      break;
    case Scaling::kLinear:
      return json::object{{"rope_type", "linear"}, {"factor", Shortest(rotary.factor)}};
    case Scaling::kLlama3:
      return json::value(Llama3Scaling(rotary));
  }
  return json::value(nullptr);
}

Result<json::object> Llama(const ModelConfig& config) {
  ASSIGN_OR_RETURN(json::value scaling, RopeScaling(config.rotary));
  return json::object{{"architectures", json::array{"LlamaForCausalLM"}},
                      {"model_type", "llama"},
                      {"hidden_size", config.hidden_size},
                      {"intermediate_size", config.ffn_size},
                      {"num_hidden_layers", config.num_layers},
                      {"num_attention_heads", config.num_heads},
                      {"num_key_value_heads", config.num_kv_heads},
                      {"head_dim", config.head_dim},
                      {"vocab_size", config.vocab_size},
                      {"max_position_embeddings", config.context_length},
                      {"rms_norm_eps", Shortest(config.norm_epsilon)},
                      {"rope_theta", Shortest(config.rotary.base)},
                      {"rope_scaling", std::move(scaling)},
                      {"hidden_act", "silu"},
                      {"attention_bias", false},
                      {"mlp_bias", false}};
}

Result<json::object> Gpt2(const ModelConfig& config) {
  if (config.num_heads * config.head_dim != config.hidden_size) {
    return MakeError(ErrorCode::kUnsupported, "gpt2 of {} heads of {} cannot be {} wide in a Hugging Face folder",
                     config.num_heads, config.head_dim, config.hidden_size);
  }
  return json::object{{"architectures", json::array{"GPT2LMHeadModel"}},
                      {"model_type", "gpt2"},
                      {"n_embd", config.hidden_size},
                      {"n_inner", config.ffn_size},
                      {"n_layer", config.num_layers},
                      {"n_head", config.num_heads},
                      {"vocab_size", config.vocab_size},
                      {"n_positions", config.context_length},
                      {"layer_norm_epsilon", Shortest(config.norm_epsilon)},
                      {"activation_function", "gelu_new"}};
}

const char* TorchType(DataType type) {
  switch (type) {
    case DataType::kBF16:
      return "bfloat16";
    case DataType::kF16:
      return "float16";
    default:
      return "float32";
  }
}

void AddToken(const char* key, TokenId id, json::object& object) {
  if (id != kNoToken) object[key] = id;
}

}  // namespace

Result<json::object> HuggingFaceConfig(const ModelConfig& config, const tokenizer::Vocabulary& vocabulary,
                                       DataType type) {
  ASSIGN_OR_RETURN(json::object object, config.architecture == "gpt2" ? Gpt2(config) : Llama(config));
  object["tie_word_embeddings"] = config.tied_head;
  AddToken("bos_token_id", vocabulary.bos, object);
  AddToken("eos_token_id", vocabulary.eos, object);
  AddToken("pad_token_id", vocabulary.padding, object);
  object["torch_dtype"] = TorchType(type);
  if (config.is_matryoshka) object["is_matryoshka"] = true;
  if (!config.matryoshka_dimensions.empty()) {
    object["matryoshka_dimensions"] = json::value_from(config.matryoshka_dimensions);
  }
  return object;
}

json::object HuggingFaceGenerationConfig(const sampling::SamplingDefaults& defaults,
                                         const tokenizer::Vocabulary& vocabulary) {
  json::object object;
  AddToken("bos_token_id", vocabulary.bos, object);
  AddToken("pad_token_id", vocabulary.padding, object);
  json::array ends;
  const auto add_end = [&](TokenId id) {
    if (id != kNoToken && std::ranges::find(ends, json::value(id)) == ends.end()) ends.push_back(json::value(id));
  };
  add_end(vocabulary.eos);
  for (const TokenId id : vocabulary.end_of_generation) add_end(id);
  if (ends.size() == 1) object["eos_token_id"] = ends[0];
  if (ends.size() > 1) object["eos_token_id"] = std::move(ends);
  if (defaults.temperature) {
    object["do_sample"] = *defaults.temperature > 0;
    object["temperature"] = Shortest(*defaults.temperature);
  }
  if (defaults.top_k) object["top_k"] = *defaults.top_k;
  if (defaults.top_p) object["top_p"] = Shortest(*defaults.top_p);
  if (defaults.min_p) object["min_p"] = Shortest(*defaults.min_p);
  if (defaults.repetition_penalty) object["repetition_penalty"] = Shortest(*defaults.repetition_penalty);
  if (defaults.max_tokens) object["max_new_tokens"] = *defaults.max_tokens;
  return object;
}

}  // namespace tenfold::model
