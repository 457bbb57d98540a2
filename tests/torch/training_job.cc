#include "training_job.h"

#include <cmath>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold {

json::object ReadJob(const char* path) {
  const auto text = platform::ReadTextFile(path);
  CHECK_MSG(text.has_value(), "{}", text.error().message);
  const auto job = ParseJson(*text, path);
  CHECK_MSG(job.has_value(), "{}", job.error().message);
  return job->as_object();
}

bool BoolOr(const json::object& object, std::string_view key, bool fallback) {
  const json::value* const value = object.if_contains(key);
  return value == nullptr ? fallback : value->as_bool();
}

std::string TextOr(const json::object& object, std::string_view key, std::string_view fallback) {
  const json::value* const value = object.if_contains(key);
  return std::string(value == nullptr ? fallback : std::string_view(value->as_string()));
}

model::ModelConfig ReadModelConfig(const json::object& object) {
  const auto number = [&](const char* key) { return object.at(key).to_number<int64_t>(); };
  model::ModelConfig config;
  config.architecture = TextOr(object, "architecture", "llama");
  config.name = "drawn";
  config.num_layers = number("num_layers");
  config.hidden_size = number("hidden_size");
  config.ffn_size = number("ffn_size");
  config.num_heads = number("num_heads");
  config.num_kv_heads = NumberOr(object, "num_kv_heads", config.num_heads);
  config.head_dim = config.hidden_size / config.num_heads;
  config.vocab_size = number("vocab_size");
  config.context_length = number("context_length");
  config.norm_epsilon = NumberOr(object, "norm_epsilon", 1e-5);
  config.tied_head = BoolOr(object, "tied_head", false);
  config.has_biases = BoolOr(object, "has_biases", false);
  if (config.architecture == "llama") config.rotary.dimensions = config.head_dim;
  config.rotary.base = NumberOr(object, "rope_base", 10000.0);
  return config;
}

Tensors DrawWeights(const graph::Graph& graph, uint64_t seed) {
  Tensors tensors;
  for (const graph::Parameter& parameter : graph.parameters) {
    const uint64_t stream = tensors.size();
    std::vector<float>& values = tensors[parameter.name];
    if (!values.empty()) continue;  // a tied head
    values.resize(static_cast<size_t>(parameter.shape.num_elements()));
    const bool is_vector = parameter.use == graph::ParameterUse::kVector;
    const double center = is_vector && parameter.name.ends_with(".weight") ? 1 : 0;
    const double width = is_vector ? 0.5 : std::sqrt(12 / static_cast<double>(parameter.shape.cols()));
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(center + width * (UniformDouble(seed, stream, i) - 0.5));
    }
  }
  return tensors;
}

graph::TrainingBatch ReadBatch(const json::object& object) {
  graph::TrainingBatch batch;
  const auto read = [&](const char* key, auto& numbers) {
    for (const json::value& number : object.at(key).as_array()) {
      numbers.push_back(number.to_number<typename std::remove_reference_t<decltype(numbers)>::value_type>());
    }
  };
  read("tokens", batch.tokens);
  read("lengths", batch.sequence_lengths);
  read("target_rows", batch.target_rows);
  read("targets", batch.targets);
  return batch;
}

}  // namespace tenfold
