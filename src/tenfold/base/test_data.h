// Where tests find the shared models and texts, which live beside the repository and may be absent.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace tenfold {

// The path of a shared file or folder; it may not exist. The environment variable TENFOLD_SHARED overrides the place.
inline std::filesystem::path SharedData(std::string_view relative) {
  const char* place = std::getenv("TENFOLD_SHARED");
#ifdef TENFOLD_SHARED_DIR
  if (place == nullptr) place = TENFOLD_SHARED_DIR;
#endif
  return std::filesystem::path(place == nullptr ? "../shared" : place) / relative;
}

}  // namespace tenfold

// Skips the test, and says so, when a shared file is absent.
#define REQUIRE_SHARED(relative)                                 \
  if (!std::filesystem::exists(::tenfold::SharedData(relative))) \
  GTEST_SKIP() << "needs " << ::tenfold::SharedData(relative) << ", which is not here"
