#include "tenfold/server/http_parser.h"

#include <cstdint>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <fmt/format.h>

#include "tenfold/base/check.h"

namespace tenfold::server {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using beast::error_code;

std::string ToString(beast::string_view text) {
  return std::string(text.data(), text.size());
}

// Of "http://host/path?query", as proxies are asked and servers must understand, "/path?query".
std::string_view WithoutAuthority(std::string_view target) {
  if (target.starts_with('/')) return target;
  const size_t scheme = target.find("://");
  if (scheme == std::string_view::npos || target.substr(0, scheme).find_first_of("/?") != std::string_view::npos) {
    return target;
  }
  const size_t path = target.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? "/" : target.substr(path);
}

}  // namespace

class HttpParser::Impl final : private http::basic_parser</*isRequest=*/true> {
 public:
  explicit Impl(const HttpLimits& limits)
      : max_header_bytes_(limits.max_header_bytes), max_body_bytes_(limits.max_body_bytes) {
    eager(false);              // so that each part is shown no more than it may have
    header_limit(UINT32_MAX);  // Beast's own is for what it sees at once, not for the sum of many short fields
    body_limit(uint64_t{limits.max_body_bytes});
  }

  tl::expected<size_t, HttpError> Feed(std::string_view input) {
    CHECK(!is_done());
    // Beast asserts that it sees the end of a chunked body in one piece of at least this size, which no such end is
    // shorter than: "0\r\n\r\n".
    constexpr size_t kLeastChunkedEnd = 5;
    size_t consumed = 0;
    while (!is_done() && consumed < input.size()) {
      const bool in_header = !is_header_done();
      const bool in_chunk_header = !in_header && chunked() && chunk_bytes_left_ == 0;
      std::string_view shown = input.substr(consumed);
      // What comes whole or not at all, so that where a request is cut does not decide whether it is taken.
      const size_t most = in_header ? max_header_bytes_ - header_bytes_ : max_header_bytes_;
      if (in_header || in_chunk_header) shown = shown.substr(0, most);
      if (in_chunk_header && shown.size() < kLeastChunkedEnd) break;
      error_code error;
      const size_t taken = put(boost::asio::const_buffer(shown.data(), shown.size()), error);
      consumed += taken;
      if (in_header) header_bytes_ += taken;
      if (error == http::error::need_more) {
        if (in_header && shown.size() == most) return tl::unexpected(Describe(http::error::header_limit));
        if (in_chunk_header && shown.size() == most) {
          return tl::unexpected(HttpError{400, "the request's chunked body has an overlong chunk header or trailer"});
        }
        break;
      }
      if (error) return tl::unexpected(Describe(error));
    }
    return consumed;
  }

  bool done() const { return is_done(); }
  bool wants_continue() const { return expects_continue_ && is_header_done() && !is_done(); }

  const HttpRequest& partial() const { return request_; }

  HttpRequest TakeRequest() {
    CHECK(is_done());
    request_.keep_alive = keep_alive();
    return std::move(request_);
  }

 private:
  HttpError Describe(error_code error) const {
    if (error == http::error::header_limit) {
      return {431, fmt::format("the request's header is longer than {} bytes", max_header_bytes_)};
    }
    if (error == http::error::body_limit) {
      return {413, fmt::format("the request's body is longer than {} bytes", max_body_bytes_)};
    }
    return {400, fmt::format("not a valid HTTP/1.1 request: {}", error.message())};
  }

  void on_request_impl(http::verb, beast::string_view method, beast::string_view target, int version,
                       error_code&) override {
    request_.method = ToString(method);
    const std::string_view whole = WithoutAuthority({target.data(), target.size()});
    const size_t question = whole.find('?');
    request_.path = whole.substr(0, question);
    if (question != std::string_view::npos) request_.query = whole.substr(question + 1);
    request_.is_http_1_0 = version == 10;
  }
  void on_field_impl(http::field name, beast::string_view, beast::string_view value, error_code& error) override {
    if (is_header_done()) return;  // a trailer
    // Beast takes an encoding that it does not know for none, and so the body for another request.
    if (name == http::field::transfer_encoding && (request_.is_http_1_0 || !beast::iequals(value, "chunked"))) {
      error = http::error::bad_transfer_encoding;
    }
    if (name == http::field::origin) request_.origin = ToString(value);
    if (name == http::field::access_control_request_method) request_.is_preflight = true;
    if (name == http::field::access_control_request_headers) request_.wanted_headers = ToString(value);
    if (name == http::field::authorization) request_.authorization = ToString(value);
    if (name == http::field::content_type) request_.content_type = ToString(value);
    if (name == http::field::expect) expects_continue_ = beast::iequals(value, "100-continue");
  }
  size_t on_body_impl(beast::string_view piece, error_code&) override {
    request_.body.append(piece.data(), piece.size());
    return piece.size();
  }
  void on_chunk_header_impl(uint64_t size, beast::string_view, error_code&) override { chunk_bytes_left_ = size; }
  size_t on_chunk_body_impl(uint64_t, beast::string_view piece, error_code& error) override {
    chunk_bytes_left_ -= piece.size();
    return on_body_impl(piece, error);
  }

  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  void on_finish_impl(error_code&) override {}

  const size_t max_header_bytes_;
  const size_t max_body_bytes_;
  size_t header_bytes_ = 0;
  uint64_t chunk_bytes_left_ = 0;  // 0: a chunk's header comes next
  bool expects_continue_ = false;
  HttpRequest request_;
};

HttpParser::HttpParser(const HttpLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
HttpParser::~HttpParser() = default;
HttpParser::HttpParser(HttpParser&&) noexcept = default;
HttpParser& HttpParser::operator=(HttpParser&&) noexcept = default;

tl::expected<size_t, HttpError> HttpParser::Feed(std::string_view input) {
  return impl_->Feed(input);
}
bool HttpParser::done() const {
  return impl_->done();
}
bool HttpParser::wants_continue() const {
  return impl_->wants_continue();
}
const HttpRequest& HttpParser::partial() const {
  return impl_->partial();
}
HttpRequest HttpParser::TakeRequest() {
  return impl_->TakeRequest();
}

}  // namespace tenfold::server
