// Parses one metadata value of a GGUF file.
#pragma once

#include "tenfold/formats/byte_cursor.h"
#include "tenfold/formats/gguf.h"

namespace tenfold::formats {

// Reads the value type and the value of `key`. Allocates at most eight times the bytes it reads.
// Errors: kCorrupt; kUnsupported for arrays of arrays. Each names `source` and the key.
Result<GgufValue> ReadGgufValue(ByteCursor& cursor, std::string_view key, std::string_view source);

}  // namespace tenfold::formats
