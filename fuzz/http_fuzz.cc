// Whatever the bytes and however they are cut, HttpParser takes the same requests out of them, within its limits.
//
// Only how soon a faulty request is refused may depend on the cut.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"
#include "tenfold/server/http_parser.h"

namespace tenfold::server {
namespace {

constexpr HttpLimits kLimits{.max_header_bytes = 300, .max_body_bytes = 200};

// Presents `bytes` as a connection does. `next_piece(i)` is the size of the i-th piece.
template <class NextPiece>
std::vector<HttpRequest> TakeAll(std::string_view bytes, NextPiece next_piece) {
  std::vector<HttpRequest> taken;
  HttpParser parser(kLimits);
  std::string input;
  for (uint64_t i = 0; !bytes.empty(); ++i) {
    const size_t size = std::clamp<size_t>(next_piece(i), 1, bytes.size());
    input += bytes.substr(0, size);
    bytes.remove_prefix(size);
    while (!input.empty()) {
      const auto consumed = parser.Feed(input);
      if (!consumed) {
        const HttpError& error = consumed.error();
        CHECK(error.status == 400 || error.status == 413 || error.status == 431);
        CHECK(!error.message.empty());
        return taken;
      }
      CHECK(*consumed <= input.size());
      input.erase(0, *consumed);
      CHECK(parser.partial().body.size() <= kLimits.max_body_bytes);
      if (!parser.done()) break;
      taken.push_back(parser.TakeRequest());
      parser = HttpParser(kLimits);
    }
    // What waits is a header, or the head of a chunk; it may not grow without end.
    CHECK(input.size() <= kLimits.max_header_bytes);
  }
  return taken;
}

void ExpectSame(const std::vector<HttpRequest>& a, const std::vector<HttpRequest>& b) {
  CHECK_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const HttpRequest &x = a[i], &y = b[i];
    CHECK_EQ(x.method, y.method);
    CHECK_EQ(x.path, y.path);
    CHECK_EQ(x.query, y.query);
    CHECK_EQ(x.authorization, y.authorization);
    CHECK_EQ(x.content_type, y.content_type);
    CHECK_EQ(x.origin, y.origin);
    CHECK_EQ(x.body, y.body);
    CHECK_EQ(x.keep_alive, y.keep_alive);
    CHECK_EQ(x.is_http_1_0, y.is_http_1_0);
  }
}

}  // namespace
}  // namespace tenfold::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tenfold;
  using namespace tenfold::server;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<HttpRequest> whole = TakeAll(bytes, [&](uint64_t) { return size; });
  for (const HttpRequest& request : whole) {
    CHECK(!request.method.empty());
    CHECK(request.method.size() + request.path.size() + request.query.size() < kLimits.max_header_bytes);
  }
  ExpectSame(whole, TakeAll(bytes, [](uint64_t) { return size_t{1}; }));
  ExpectSame(whole, TakeAll(bytes, [&](uint64_t i) { return size_t{Philox(size, 0, i)[0] % 40}; }));
  ExpectSame(whole, TakeAll(bytes, [&](uint64_t i) { return size_t{Philox(size, 1, i)[0] % 6}; }));
  return 0;
}
