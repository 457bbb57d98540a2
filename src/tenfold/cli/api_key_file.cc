#include "tenfold/cli/api_key_file.h"

#include <algorithm>
#include <string_view>

#include "tenfold/base/trimmed.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::cli {

Result<std::vector<std::string>> ReadApiKeys(const std::string& path) {
  constexpr size_t kMostBytes = 1 << 20;
  ASSIGN_OR_RETURN(const std::string text, platform::ReadTextFile(path, kMostBytes));
  std::vector<std::string> keys;
  std::string_view rest = text;
  for (int line_number = 1; !rest.empty(); ++line_number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view key = Trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (key.empty() || key.starts_with('#')) continue;
    if (std::any_of(key.begin(), key.end(), [](char c) { return c <= ' ' || c >= 0x7f; })) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "{}, line {}: a key may only have visible ASCII characters, and one key stands on a line", path,
                       line_number);
    }
    keys.emplace_back(key);
  }
  if (keys.empty()) return MakeError(ErrorCode::kInvalidArgument, "{}: there is no key in it", path);
  return keys;
}

}  // namespace tenfold::cli
