// CorsPolicy: which web pages may read this server's answers. Browsers ask and obey; other clients neither.
//
// Without an allowed origin nothing is added to any answer, and a browser shows no page what the server said.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/server/http.h"

namespace tenfold::server {

class CorsPolicy {
 public:
  CorsPolicy() = default;
  // `origins` are "*" for every page, or such as "https://chat.example" and "http://localhost:3000". Errors:
  // kInvalidArgument for what no browser would send.
  static Result<CorsPolicy> Create(std::vector<std::string> origins);

  // Adds to `headers` what an answer to a page of `origin` needs; every answer, errors too, since a page that may not
  // read an error cannot tell its user.
  void AddHeaders(const std::string& origin, HttpHeaders& headers) const;

  // The answer when the request only asks whether a page may send another; before any key, which browsers leave out
  // here. AddHeaders does the rest.
  std::optional<HttpResponse> Preflight(const HttpRequest& request) const;

 private:
  bool Allows(const std::string& origin) const;

  bool allows_all_ = false;
  std::vector<std::string> origins_;
};

}  // namespace tenfold::server
