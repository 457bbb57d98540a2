// Files that exist in memory alone: what is part of the program, for code that opens paths.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "tenfold/base/result.h"

namespace tenfold::platform {

// The path of a file with these bytes, which can be opened as often as wanted as long as the process lives; it keeps
// one file descriptor. `name` is for people who look at the process. Errors: kIo, kResourceExhausted.
Result<std::filesystem::path> MakeMemoryFile(const std::string& name, std::span<const std::byte> bytes);

}  // namespace tenfold::platform
