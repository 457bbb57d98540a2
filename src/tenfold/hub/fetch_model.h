// A model of the hub as a path on this machine.
//
//   const auto reference = ParseModelReference("hf:org/repo:Q4_K_M");
//   const auto environment = ReadHubEnvironment(&std::getenv);
//   const auto path = FetchModel(*reference, *environment);      // a GGUF file or a folder, in the hub's cache
#pragma once

#include <filesystem>

#include "tenfold/base/result.h"
#include "tenfold/hub/hub_environment.h"
#include "tenfold/hub/model_reference.h"

namespace tenfold::hub {

// Downloads what the cache lacks. Offline, and with a warning when the hub cannot be reached, the cache alone decides:
// it must hold the files at the commit where the revision was last seen. Main thread; takes as long as the line does.
// Errors name the model, what is wrong, and the way out.
Result<std::filesystem::path> FetchModel(const ModelReference& model, const HubEnvironment& environment);

}  // namespace tenfold::hub
