// HttpParser: bytes in, one HttpRequest out. A push parser over Beast's, without sockets, so that it can be fuzzed.
//
// Memory stays in proportion to what was received: a Content-Length reserves nothing, header fields that nobody needs
// are dropped, and header, trailer and body sizes are limited.
#pragma once

#include <memory>
#include <string_view>

#include <tl/expected.hpp>

#include "tenfold/server/http.h"

namespace tenfold::server {

// What to answer before closing the connection.
struct HttpError {
  int status;  // 400, 413 or 431
  std::string message;
};

class HttpParser {
 public:
  explicit HttpParser(const HttpLimits& limits);
  ~HttpParser();
  HttpParser(HttpParser&&) noexcept;
  HttpParser& operator=(HttpParser&&) noexcept;

  // Takes what it can of `input` and returns how many bytes that was. The caller keeps the rest and presents it again
  // with more behind it; unless done(), the rest is part of this request. Not to be called when done() or after an
  // error.
  tl::expected<size_t, HttpError> Feed(std::string_view input);

  bool done() const;
  // The client waits for "100 Continue" before it sends the body.
  bool wants_continue() const;
  // What is known of the request so far; its method is empty until the first line is in.
  const HttpRequest& partial() const;
  // The parsed request, once done().
  HttpRequest TakeRequest();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tenfold::server
