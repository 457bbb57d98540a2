#include "tenfold/hub/cache_error.h"

#include <cerrno>
#include <cstring>

namespace tenfold::hub {

tl::unexpected<Error> CacheError(const std::filesystem::path& path, std::string_view what, int reason) {
  switch (reason) {
    case ENOSPC:
    case EDQUOT:
      return MakeError(ErrorCode::kResourceExhausted,
                       "{}: {}: {}; make room and run this again, which goes on where it stopped, or set HF_HUB_CACHE "
                       "to a folder on a larger disk",
                       path.string(), what, std::strerror(reason));
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
      return MakeError(ErrorCode::kIo, "{}: {}: {}; set HF_HUB_CACHE to a folder that you may write in", path.string(),
                       what, std::strerror(reason));
    default:
      return MakeError(ErrorCode::kIo, "{}: {}: {}", path.string(), what, std::strerror(reason));
  }
}

}  // namespace tenfold::hub
