#include "tenfold/server/api_keys.h"

namespace tenfold::server {
namespace {

// Takes as long for a wrong key as for the right one of the same length.
bool SameSecret(std::string_view given, std::string_view secret) {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    difference |= static_cast<unsigned char>(given[i] ^ expected);
  }
  return difference == 0;
}

}  // namespace

ApiStatus ApiKeys::Check(std::string_view authorization) const {
  if (keys_.empty()) return {};
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view given = authorization.starts_with(kScheme) ? authorization.substr(kScheme.size()) : "";
  bool known = false;
  for (const std::string& key : keys_) known |= SameSecret(given, key);  // all of them, however early
  if (known) return {};
  return tl::unexpected(ApiError{401,
                                 given.empty() ? "this server needs a key: send \"Authorization: Bearer KEY\""
                                               : "the key is not one of this server's",
                                 {},
                                 "invalid_api_key"});
}

}  // namespace tenfold::server
