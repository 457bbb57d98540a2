#include "tenfold/server/cors.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "tenfold/server/api_error.h"

namespace tenfold::server {
namespace {

// What a page may send when it does not say what it wants to.
constexpr const char* kUsualHeaders = "Authorization, Content-Type";
// Browsers keep the answer no longer than two hours.
constexpr const char* kMaxAgeS = "7200";

// As browsers write it: a scheme and a host, in lower case, and nothing after them.
bool IsOrigin(std::string_view text) {
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  const std::string_view host = text.substr(scheme + 3);
  const auto is_bad = [](char c) {
    return c <= ' ' || c >= 0x7f || c == '/' || c == '?' || c == '#' || c == '*' || c == ',' || ('A' <= c && c <= 'Z');
  };
  return !host.empty() && std::none_of(host.begin(), host.end(), is_bad);
}

}  // namespace

Result<CorsPolicy> CorsPolicy::Create(std::vector<std::string> origins) {
  CorsPolicy policy;
  for (std::string& origin : origins) {
    if (origin == "*") {
      policy.allows_all_ = true;
    } else if (origin == "null" || IsOrigin(origin)) {  // pages from files are of the origin "null"
      policy.origins_.push_back(std::move(origin));
    } else {
      return MakeError(ErrorCode::kInvalidArgument,
                       "\"{}\" is no origin: write it as browsers do, such as https://chat.example or "
                       "http://localhost:3000, without a path, or * for all",
                       origin);
    }
  }
  return policy;
}

bool CorsPolicy::Allows(const std::string& origin) const {
  return allows_all_ || std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

void CorsPolicy::AddHeaders(const std::string& origin, HttpHeaders& headers) const {
  if (!allows_all_ && origins_.empty()) return;
  // Also where the origin is not allowed or not there: a cache must not give this answer to a page that is.
  if (!allows_all_) headers.emplace_back("Vary", "Origin");
  if (!Allows(origin)) return;
  headers.emplace_back("Access-Control-Allow-Origin", allows_all_ ? "*" : origin);
  headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
}

std::optional<HttpResponse> CorsPolicy::Preflight(const HttpRequest& request) const {
  if (!allows_all_ && origins_.empty()) return std::nullopt;
  if (request.method != "OPTIONS" || !request.is_preflight) return std::nullopt;
  if (!Allows(request.origin)) {
    return ErrorResponse(
        {403, "pages of this origin may not use this server: see --allowed-origin", {}, "origin_not_allowed"});
  }
  // The page's own list: clients send headers of theirs, and "*" does not cover Authorization.
  return HttpResponse{.status = 204,
                      .content_type = {},
                      .headers = {{"Access-Control-Allow-Methods", "GET, HEAD, POST"},
                                  {"Access-Control-Allow-Headers",
                                   request.wanted_headers.empty() ? kUsualHeaders : request.wanted_headers},
                                  {"Access-Control-Max-Age", kMaxAgeS}}};
}

}  // namespace tenfold::server
