// MODEL of the command line: a path, a model on the hub, or nothing for the embedded one.
#pragma once

#include <filesystem>
#include <string>

#include "tenfold/base/result.h"

namespace tenfold::cli {

// `model` itself, for "" that of the embedded model, or for "hf:..." the path that its files have in the hub's cache,
// downloaded if need be (environment: hub/hub_environment.h). Main thread. Errors: those of hub::FetchModel and
// EmbeddedModelFile.
Result<std::filesystem::path> LocalModel(const std::string& model);

// What requests call it when nothing else is said: the last part of the path, without ".gguf"; "org/repo" of the hub.
std::string ModelName(const std::string& model);

}  // namespace tenfold::cli
