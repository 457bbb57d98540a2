// Whatever a hub answers, no path, hash or commit taken from it leads out of a folder, and no next page out of the hub.
#include <cstdint>
#include <filesystem>

#include "tenfold/base/check.h"
#include "tenfold/hub/hub_api.h"
#include "tenfold/hub/model_reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tenfold;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto stays_inside = [](const std::filesystem::path& path) {
    const auto joined = (std::filesystem::path("/folder") / path).lexically_normal().string();
    return joined.starts_with("/folder/") && joined.size() > 8 && joined.find('\0') == joined.npos;
  };
  std::vector<hub::RepositoryFile> files;
  if (const Status status = hub::ParseTreePage(text, "fuzz", files); status) {
    for (const hub::RepositoryFile& file : files) {
      CHECK(stays_inside(file.path));
      CHECK_EQ(file.hash.find_first_not_of("0123456789abcdef"), std::string::npos);
    }
  } else {
    CHECK(!status.error().message.empty());
  }
  if (const auto commit = hub::ParseCommit(text, "fuzz")) CHECK(hub::IsCommit(*commit));
  if (const auto query = hub::NextPageQuery(text)) CHECK_EQ(query->front(), '?');
  if (const auto reference = hub::ParseModelReference(text)) {
    CHECK(stays_inside(reference->repository));
    CHECK(stays_inside(reference->revision));
    CHECK(reference->selector.empty() || stays_inside(reference->selector));
  }
  return 0;
}
