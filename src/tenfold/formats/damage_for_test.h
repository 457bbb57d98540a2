// For the tests of parsers: damaged copies of a file, and the largest piece of memory that reading them asks for.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace tenfold::formats {

using ParseFunction = std::function<void(std::span<const std::byte>)>;

// Calls `parse` with `file` cut off at every byte. Each cut is a copy of exactly its size, so that the address
// sanitizer sees a read past the end.
void ForEachTruncation(std::string_view file, const ParseFunction& parse);

// Calls `parse` with `count` copies of `file`, one to four seeded bits flipped in each.
void ForRandomBitFlips(std::string_view file, int count, const ParseFunction& parse);

// The largest single allocation of this process since the last call. (This test program replaces operator new.)
size_t LargestAllocationSinceLastCall();

}  // namespace tenfold::formats
