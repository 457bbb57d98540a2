// Addresses, as libcurl reads them.
#pragma once

#include <string>
#include <string_view>

#include "tenfold/base/result.h"

namespace tenfold::hub {

// Scheme, host and port: "https://host:443". Two addresses of one origin are one server.
// Errors: kInvalidArgument for what is no address over http or https, or one that holds a user's name.
Result<std::string> OriginOf(const std::string& url);

// For messages: signed addresses carry their right in the query.
std::string_view WithoutQuery(std::string_view url);

// Percent-encoded, but for letters, digits, "-._~" and what is in `kept`.
std::string Escaped(std::string_view text, std::string_view kept);

}  // namespace tenfold::hub
