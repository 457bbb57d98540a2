#include "tenfold/server/http_parser.h"

#include <algorithm>

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

}  // namespace

class HttpParser::Impl final : private http::basic_parser</*isRequest=*/true> {
 public:
  explicit Impl(const HttpLimits& limits)
      : max_header_bytes_(limits.max_header_bytes), max_body_bytes_(limits.max_body_bytes) {
    eager(true);
    header_limit(static_cast<uint32_t>(std::min<size_t>(limits.max_header_bytes, UINT32_MAX)));
    body_limit(uint64_t{limits.max_body_bytes});
  }

  tl::expected<size_t, HttpError> Feed(std::string_view input) {
    CHECK(!is_done());
    // Beast asserts that it sees the end of a chunked body in one piece of at least this size, which no such end is
    // shorter than: "0\r\n\r\n".
    constexpr size_t kLeastChunkedEnd = 5;
    if (is_header_done() && chunked() && input.size() < kLeastChunkedEnd) return 0;
    const bool in_header = !is_header_done();
    error_code error;
    const size_t consumed = put(boost::asio::const_buffer(input.data(), input.size()), error);
    if (error && error != http::error::need_more) return tl::unexpected(Describe(error));
    if (is_done()) return consumed;
    // Beast limits what it is shown at once, not the sum of many short fields.
    if (in_header) header_bytes_ += consumed;
    if (!is_header_done() && header_bytes_ + (input.size() - consumed) > max_header_bytes_) {
      return tl::unexpected(Describe(http::error::header_limit));
    }
    // A chunk's header or the trailer comes in one piece, or not at all.
    if (is_header_done() && input.size() - consumed > max_header_bytes_) {
      return tl::unexpected(HttpError{400, "the request's chunked body has an overlong chunk header or trailer"});
    }
    return consumed;
  }

  bool done() const { return is_done(); }
  bool wants_continue() const { return expects_continue_ && is_header_done() && !is_done(); }

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
    const std::string_view whole(target.data(), target.size());
    const size_t question = whole.find('?');
    request_.path = whole.substr(0, question);
    if (question != std::string_view::npos) request_.query = whole.substr(question + 1);
    request_.is_http_1_0 = version == 10;
  }
  void on_field_impl(http::field name, beast::string_view, beast::string_view value, error_code&) override {
    if (is_header_done()) return;  // a trailer
    if (name == http::field::authorization) request_.authorization = ToString(value);
    if (name == http::field::content_type) request_.content_type = ToString(value);
    if (name == http::field::expect) expects_continue_ = beast::iequals(value, "100-continue");
  }
  size_t on_body_impl(beast::string_view piece, error_code&) override {
    request_.body.append(piece.data(), piece.size());
    return piece.size();
  }
  size_t on_chunk_body_impl(uint64_t, beast::string_view piece, error_code& error) override {
    return on_body_impl(piece, error);
  }

  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  void on_chunk_header_impl(uint64_t, beast::string_view, error_code&) override {}
  void on_finish_impl(error_code&) override {}

  const size_t max_header_bytes_;
  const size_t max_body_bytes_;
  size_t header_bytes_ = 0;
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
HttpRequest HttpParser::TakeRequest() {
  return impl_->TakeRequest();
}

}  // namespace tenfold::server
