// What the files of a model say before any weight is read: its numbers, and a list of its tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/model/model_config.h"

namespace tenfold::cli {

struct TensorHeader {
  std::string name;            // as the file has it
  std::vector<int64_t> sizes;  // slowest dimension first
  std::string type;
  size_t bytes = 0;
  bool is_supported = false;  // a type that can be computed with

  int64_t num_elements() const;
};

struct ModelHeader {
  std::string format;  // "GGUF 3" or "safetensors"
  model::ModelConfig config;
  std::vector<TensorHeader> tensors;

  int64_t num_parameters() const;
  size_t weight_bytes() const;
};

// Reads a GGUF file or a Hugging Face folder; costs the same for a large model as for a small one. Errors: those of the
// formats and of reading the configuration.
Result<ModelHeader> ReadModelHeader(const std::filesystem::path& path);

}  // namespace tenfold::cli
