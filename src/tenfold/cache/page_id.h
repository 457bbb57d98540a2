// PageId: index of a page in its pool.
#pragma once

#include <cstdint>

namespace tenfold::cache {

using PageId = int32_t;

inline constexpr PageId kNoPage = -1;

}  // namespace tenfold::cache
