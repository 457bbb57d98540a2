#include "tenfold/server/http_parser.h"

#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::server {
namespace {

using testing::HasSubstr;

constexpr HttpLimits kLimits{.max_header_bytes = 512, .max_body_bytes = 100};

struct Parsed {
  std::optional<HttpRequest> request;
  std::optional<HttpError> error;
  std::string rest;
};

// Presents `bytes` in pieces of `piece` bytes, as a connection does.
Parsed Parse(std::string_view bytes, size_t piece = std::string::npos) {
  HttpParser parser(kLimits);
  Parsed parsed;
  while (!bytes.empty()) {
    const size_t size = std::min(piece, bytes.size());
    parsed.rest += bytes.substr(0, size);
    bytes.remove_prefix(size);
    const auto consumed = parser.Feed(parsed.rest);
    if (!consumed) {
      parsed.error = consumed.error();
      return parsed;
    }
    parsed.rest.erase(0, *consumed);
    if (!parser.done()) continue;
    parsed.request = parser.TakeRequest();
    parsed.rest += bytes;
    return parsed;
  }
  return parsed;
}

TEST(HttpParserTest, ReadsARequestHoweverItIsCut) {
  const std::string bytes =
      "POST /v1/completions?a=b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
      "Content-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"
      "GET / HTTP/1.1";
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Parsed parsed = Parse(bytes, piece);
    ASSERT_TRUE(parsed.request.has_value()) << piece;
    EXPECT_EQ(parsed.request->method, "POST");
    EXPECT_EQ(parsed.request->path, "/v1/completions");
    EXPECT_EQ(parsed.request->query, "a=b");
    EXPECT_EQ(parsed.request->authorization, "Bearer k");
    EXPECT_EQ(parsed.request->content_type, "application/json");
    EXPECT_EQ(parsed.request->body, "hello");
    EXPECT_TRUE(parsed.request->keep_alive);
    EXPECT_EQ(parsed.rest, "GET / HTTP/1.1");
  }
}

TEST(HttpParserTest, ReadsAChunkedBodyHoweverItIsCut) {
  const std::string bytes =
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nAuthorization: "
      "no\r\n\r\nGET";
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Parsed parsed = Parse(bytes, piece);
    ASSERT_TRUE(parsed.request.has_value()) << piece;
    EXPECT_EQ(parsed.request->body, "hello");
    EXPECT_EQ(parsed.request->authorization, "") << "a trailer is not a header";
    EXPECT_EQ(parsed.rest, "GET");
  }
}

TEST(HttpParserTest, KnowsWhetherTheConnectionStays) {
  EXPECT_TRUE(Parse("GET / HTTP/1.1\r\n\r\n").request->keep_alive);
  EXPECT_FALSE(Parse("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").request->keep_alive);
  EXPECT_FALSE(Parse("GET / HTTP/1.0\r\n\r\n").request->keep_alive);
  EXPECT_TRUE(Parse("GET / HTTP/1.0\r\n\r\n").request->is_http_1_0);
}

TEST(HttpParserTest, CountsFieldsThatComeOneByOne) {
  HttpParser parser(kLimits);
  std::string rest = "GET / HTTP/1.1\r\nN";
  size_t num_bytes = 0;
  while (true) {
    const auto consumed = parser.Feed(rest);
    if (!consumed) break;
    ASSERT_LE(num_bytes += *consumed, kLimits.max_header_bytes);
    rest = rest.substr(*consumed) + "ame: value\r\nN";  // ends in the first byte of the next field
  }
  EXPECT_GT(num_bytes, kLimits.max_header_bytes / 2);
}

TEST(HttpParserTest, SeesThatTheClientWaits) {
  HttpParser parser(kLimits);
  ASSERT_TRUE(parser.Feed("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_TRUE(parser.wants_continue());
  ASSERT_TRUE(parser.Feed("ab"));
  EXPECT_FALSE(parser.wants_continue());
}

struct Refusal {
  const char* name;
  std::string bytes;
  int status;
  const char* words;
};

class HttpParserRefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(HttpParserRefusalTest, SaysWhy) {
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{100'000}}) {
    const Parsed parsed = Parse(GetParam().bytes, piece);
    ASSERT_TRUE(parsed.error.has_value());
    EXPECT_EQ(parsed.error->status, GetParam().status);
    EXPECT_THAT(parsed.error->message, HasSubstr(GetParam().words));
  }
}

std::string ManyFields(int count) {
  std::string fields;
  for (int i = 0; i < count; ++i) fields += fmt::format("X-{}: y\r\n", i);
  return fields;
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpParserRefusalTest,
    testing::Values(
        Refusal{"Garbage", "\x16\x03\x01\x02 rubbish\r\n\r\n", 400, "not a valid HTTP"},
        Refusal{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "version"},
        Refusal{"FieldWithoutColon", "GET / HTTP/1.1\r\nrubbish\r\n\r\n", 400, "field"},
        Refusal{"LongTarget", "GET /" + std::string(600, 'a') + " HTTP/1.1\r\n\r\n", 431, "512 bytes"},
        Refusal{"LongField", "GET / HTTP/1.1\r\nX: " + std::string(600, 'a') + "\r\n\r\n", 431, "512 bytes"},
        Refusal{"ManyFields", "GET / HTTP/1.1\r\n" + ManyFields(200) + "\r\n", 431, "512 bytes"},
        Refusal{"LongBody", "POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n", 413, "100 bytes"},
        Refusal{"HugeBody", "POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n", 413, "100 bytes"},
        Refusal{"NegativeLength", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "Content-Length"},
        Refusal{"TwoLengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400,
                "Content-Length"},
        Refusal{"LengthAndChunks", "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
                "Transfer-Encoding"},
        Refusal{"LongChunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\nabc", 413, "100 bytes"},
        Refusal{"ManyChunks",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n" + std::string(50, 'a') + "\r\n33\r\n" +
                    std::string(51, 'a') + "\r\n",
                413, "100 bytes"},
        Refusal{"ChunkOfNothing", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "chunk"},
        Refusal{"LyingChunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n", 400,
                "chunk"},
        Refusal{"EndlessChunkExtension",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;" + std::string(100'000, 'a'), 400, "chunk"},
        Refusal{"EndlessTrailer", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + ManyFields(10'000),
                400, "trailer"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tenfold::server
