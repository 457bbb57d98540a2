// What the system refused in the cache folder, with the way out.
#pragma once

#include <filesystem>
#include <string_view>

#include "tenfold/base/result.h"

namespace tenfold::hub {

// `reason` is an errno. "PATH: cannot be written: no space left ...". kResourceExhausted for a full disk, else kIo.
tl::unexpected<Error> CacheError(const std::filesystem::path& path, std::string_view what, int reason);

}  // namespace tenfold::hub
