// HttpClient: GET over HTTPS (libcurl), with the hub's token where it belongs.
//
// The token goes to the endpoint's origin (scheme, host and port) and nowhere else: redirects, which lead to other
// machines for large files, are followed here, one request each. Certificates are verified; plain HTTP is refused
// unless the endpoint itself is given as http://. A connection is kept and used again. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <curl/curl.h>

#include "tenfold/base/result.h"
#include "tenfold/hub/failure.h"

namespace tenfold::hub {

struct HttpOptions {
  std::string endpoint;
  std::string token;             // empty: none
  std::string certificate_file;  // empty: the system's
  int stall_timeout_s = 30;      // there is no limit to the whole: files are large and lines are slow
};

// The head of an answer.
struct HttpReply {
  int status = 0;
  std::string url;                // that answered, without its query
  bool is_from_endpoint = false;  // not from where a redirect led
  std::string link;
  std::string error_code;     // the hub's: "GatedRepo", "RevisionNotFound", ...
  std::string error_message;  // the hub's, unchecked
  std::optional<uint64_t> range_begin;
  std::optional<int64_t> retry_after_s;
};

// Takes the body of an answer 200 or 206; other bodies are dropped. An error ends the transfer.
struct BodyReader {
  std::function<Status(const HttpReply&)> begin;  // once, before the body
  std::function<Status(std::span<const std::byte>)> read;
};

class HttpClient {
 public:
  // Errors: kInvalidArgument for an endpoint that is none.
  static Result<std::unique_ptr<HttpClient>> Create(HttpOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `offset` > 0 asks for the content from there on; the reply says whether that is what comes. An answer of any status
  // is a reply; a failure is that none came, or not all of it.
  Attempt<HttpReply> Get(const std::string& url, uint64_t offset, const BodyReader& reader);

  const std::string& endpoint() const { return options_.endpoint; }
  bool has_token() const { return !options_.token.empty(); }

 private:
  struct Transfer;
  struct Deleter {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };

  HttpClient(HttpOptions options, std::string origin);
  // One request. `redirect` is where it leads, or empty.
  Attempt<HttpReply> Exchange(const std::string& url, uint64_t offset, const BodyReader& reader, std::string& redirect);
  Status SetOptions(Transfer& transfer, const std::string& url, uint64_t offset);
  static size_t Receive(char* data, size_t size, size_t count, void* transfer);

  HttpOptions options_;
  std::string origin_;  // the endpoint's
  std::unique_ptr<CURL, Deleter> handle_;
};

}  // namespace tenfold::hub
