// Groups of options that several subcommands share. Flags that vLLM has keep vLLM's names and meaning.
//
// Every function writes into the given struct while the command line is parsed; the struct must outlive that.
#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "tenfold/engine/engine_options.h"
#include "tenfold/sampling/sampling_defaults.h"
#include "tenfold/sampling/sampling_params.h"
#include "tenfold/tensor/data_type.h"

namespace tenfold::cli {

// The positional MODEL, which may be left out where a model is embedded, or one of another name, which may not.
void AddModelPath(CLI::App& command, std::string& model, const std::string& name = "MODEL");

// An amount of memory, as cli/size.h reads it.
void AddSize(CLI::App& command, const std::string& name, size_t& size_bytes, const std::string& description);

// What a model is computed with.
struct ComputeOptions {
  int num_threads = 0;  // 0 = all usable processors
  std::string isa = "auto";
};
void AddComputeOptions(CLI::App& command, ComputeOptions& options);

// The type of cached keys and values.
void AddKvCacheType(CLI::App& command, tensor::DataType& type);

// The values of --scheduling-policy.
std::vector<std::string> PolicyNames();

void AddEngineOptions(CLI::App& command, engine::EngineOptions& options);

// Values outside their ranges are wrong usage: call CheckSamplingOptions in the command's callback, which CLI11 runs at
// the end of parsing. Throws CLI::ValidationError.
void AddSamplingOptions(CLI::App& command, sampling::SamplingParams& params);
void CheckSamplingOptions(const sampling::SamplingParams& params);
// What the model's makers say, where `command` was given no flag that says otherwise.
void StartFromDefaults(const CLI::App& command, sampling::SamplingDefaults defaults, sampling::SamplingParams& params);

}  // namespace tenfold::cli
