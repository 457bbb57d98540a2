// The model that is part of the program: what MODEL means when it is left out. CMake's TENFOLD_EMBEDDED_MODEL says which
// file it was; a program built without one has none.
#pragma once

#include <filesystem>

#include "tenfold/base/result.h"

namespace tenfold::cli {

inline constexpr const char* kEmbeddedModelName = "storyteller";

bool HasEmbeddedModel();

// A path that it can be opened by. There must be one. Errors: those of platform::MakeMemoryFile.
Result<std::filesystem::path> EmbeddedModelFile();

}  // namespace tenfold::cli
