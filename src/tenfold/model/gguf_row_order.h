// The order of query and key rows in GGUF files of the llama family: pairs that rotate together stand side by side there,
// and half a head apart in the model.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tenfold/model/model_config.h"

namespace tenfold::model {

// For each row of the model's tensor the row of the file's; empty where they stand in the same order.
std::vector<int32_t> GgufRowsOfModel(const ModelConfig& config, std::string_view tensor_name);

// The other way round.
std::vector<int32_t> ModelRowsOfGguf(const ModelConfig& config, std::string_view tensor_name);

}  // namespace tenfold::model
