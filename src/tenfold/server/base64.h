// Base64 (RFC 4648), in which embeddings travel at a third of the size of decimal numbers.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace tenfold::server {

std::string Base64(std::span<const std::byte> bytes);

}  // namespace tenfold::server
