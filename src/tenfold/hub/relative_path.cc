#include "tenfold/hub/relative_path.h"

#include <algorithm>

namespace tenfold::hub {

bool IsSafeRelativePath(std::string_view path) {
  const auto is_bad = [](unsigned char c) { return c < ' ' || c == 0x7f || c == '\\'; };
  if (path.size() > 1024 || std::ranges::any_of(path, is_bad)) return false;
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == path.npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::string_view FileName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace tenfold::hub
