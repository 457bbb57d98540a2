// --generation-config: whose sampling parameters hold for requests that bring none.
#pragma once

#include <string>

#include <CLI/App.hpp>

#include "tenfold/base/result.h"
#include "tenfold/model/model.h"
#include "tenfold/sampling/sampling_defaults.h"

namespace tenfold::cli {

inline constexpr const char* kGenerationConfigOfModel = "auto";

void AddGenerationConfigOption(CLI::App& command, std::string& choice);

// Of the model ("auto"), none ("none", or vLLM's name for it), or of the folder that is named. Errors: of reading that
// folder's file, and for values that no request could ask for.
Result<sampling::SamplingDefaults> ChooseSamplingDefaults(const std::string& choice, const model::Model& model);

}  // namespace tenfold::cli
