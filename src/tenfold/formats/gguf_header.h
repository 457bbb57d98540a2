// Parses and checks everything in a GGUF file that is not tensor data.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "tenfold/formats/gguf.h"

namespace tenfold::formats {

// `bytes` is the whole file and outlives the result; `source` is its name in errors. Errors: kCorrupt, kUnsupported.
Result<GgufHeader> ParseGgufHeader(std::span<const std::byte> bytes, std::string_view source);

}  // namespace tenfold::formats
