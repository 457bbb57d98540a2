// Paths that come from elsewhere, and may be used under a folder of ours.
#pragma once

#include <string_view>

namespace tenfold::hub {

// Whether `path` names something below the folder it is joined to, and nothing else: relative, parts separated by single
// slashes, none of them empty, "." or "..", no backslash, no control character.
bool IsSafeRelativePath(std::string_view path);

// The last part.
std::string_view FileName(std::string_view path);

}  // namespace tenfold::hub
