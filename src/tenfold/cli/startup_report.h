// What `tenfold serve` says before it serves: the model, where the memory went, what computes, how long loading took.
#pragma once

#include <string>

#include "tenfold/cli/loaded_model.h"
#include "tenfold/engine/engine.h"
#include "tenfold/engine/engine_options.h"

namespace tenfold::cli {

// Several lines, each with a line break at its end.
std::string StartupReport(const LoadedModel& loaded, const engine::EngineOptions& options,
                          const engine::Engine& engine);

}  // namespace tenfold::cli
