// What the tools of this folder are asked for: models and batches, as JSON.
//
// A key that is absent has the default that stands here; a value of another type throws, which main() reports.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/graph/graph.h"
#include "tenfold/graph/training_batch.h"
#include "tenfold/model/model_config.h"

namespace tenfold {

using Tensors = std::map<std::string, std::vector<float>>;  // row-major, by GGUF's names

// Reads the JSON file `path`, which holds one object; stops with a message otherwise.
json::object ReadJob(const char* path);

template <class T>
T NumberOr(const json::object& object, std::string_view key, T fallback) {
  const json::value* const value = object.if_contains(key);
  return value == nullptr ? fallback : value->to_number<T>();
}
bool BoolOr(const json::object& object, std::string_view key, bool fallback);
std::string TextOr(const json::object& object, std::string_view key, std::string_view fallback);

// The keys are the fields' names.
model::ModelConfig ReadModelConfig(const json::object& object);

// Matrices and tables are uniform with the standard deviation 1 / sqrt(columns), so that activations stay of the order of
// one; vectors lie about one where they scale and about zero where they shift.
Tensors DrawWeights(const graph::Graph& graph, uint64_t seed);

// {"lengths": [...], "tokens": [...], "target_rows": [...], "targets": [...]}
graph::TrainingBatch ReadBatch(const json::object& object);

}  // namespace tenfold
