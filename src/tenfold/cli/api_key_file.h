// --api-key-file: keys that stand neither in the shell's history nor in the list of processes.
#pragma once

#include <string>
#include <vector>

#include "tenfold/base/result.h"

namespace tenfold::cli {

// The keys of a file, one a line. Spaces around a key, empty lines and lines that begin with # are passed over. Errors
// name the file and the line, never what stands there: those of reading, and kInvalidArgument for a key with a space or
// a control character in it, which no client could send, and for a file without keys.
Result<std::vector<std::string>> ReadApiKeys(const std::string& path);

}  // namespace tenfold::cli
