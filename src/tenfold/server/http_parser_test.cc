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

TEST(HttpParserTest, LeavesOutTheHostOfATarget) {
  const std::pair<const char*, const char*> targets[] = {{"http://host:8000/v1/models?a=b", "/v1/models a=b"},
                                                         {"HTTPS://host/a", "/a "},
                                                         {"http://host", "/ "},
                                                         {"http://host?a=/", " a=/"},
                                                         {"/http://host/a?b://c", "/http://host/a b://c"},
                                                         {"//host/a", "//host/a "},
                                                         {"*", "* "}};
  for (const auto& [target, expected] : targets) {
    const Parsed parsed = Parse(fmt::format("GET {} HTTP/1.1\r\n\r\n", target));
    ASSERT_TRUE(parsed.request.has_value()) << target;
    EXPECT_EQ(parsed.request->path + " " + parsed.request->query, expected) << target;
  }
}

// Where a request is cut does not decide whether it is taken.
TEST(HttpParserTest, AHeaderMayHaveItsLimitAndNoMore) {
  const std::string rest = " HTTP/1.1\r\nX: y\r\n\r\n";
  for (const size_t size : {kLimits.max_header_bytes, kLimits.max_header_bytes + 1}) {
    std::string bytes = "GET /";
    bytes += std::string(size - bytes.size() - rest.size(), 'a') + rest;
    for (const size_t piece : {size_t{1}, size_t{100}, size_t{10'000}}) {
      const Parsed parsed = Parse(bytes, piece);
      EXPECT_EQ(parsed.request.has_value(), size == kLimits.max_header_bytes) << size << " in pieces of " << piece;
      EXPECT_EQ(parsed.error.has_value(), size != kLimits.max_header_bytes);
    }
  }
}

TEST(HttpParserTest, KnowsNoOlderHttp) {
  for (const char* bytes : {"GET /\r\n", "GET /\n", "GET / HTTP/0.9\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n"}) {
    const Parsed parsed = Parse(bytes);
    ASSERT_TRUE(parsed.error.has_value()) << bytes;
    EXPECT_EQ(parsed.error->status, 400);
  }
}

TEST(HttpParserTest, EqualLengthsAreOne) {
  EXPECT_EQ(Parse("POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab").request->body, "ab");
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
        Refusal{"ChunksAndLength", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400,
                "Content-Length"},
        // Taken for none, these would make the body another request.
        Refusal{"UnknownEncoding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "Transfer-Encoding"},
        Refusal{"NearlyChunked", "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", 400, "Transfer-Encoding"},
        Refusal{"ChunkedNotLast", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 400,
                "Transfer-Encoding"},
        Refusal{"ChunkedAfterOther", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400,
                "Transfer-Encoding"},
        Refusal{"ChunkedTwice", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                400, "Transfer-Encoding"},
        Refusal{"UnknownEncodingAndLength",
                "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\n\r\nabc", 400, "Transfer-Encoding"},
        Refusal{"ChunksInHttp10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "Transfer-Encoding"},
        Refusal{"ListOfLengths", "POST / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n", 400, "Content-Length"},
        Refusal{"SignedLength", "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400, "Content-Length"},
        Refusal{"HexLength", "POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n", 400, "Content-Length"},
        Refusal{"SpaceBeforeColon", "POST / HTTP/1.1\r\nContent-Length : 1\r\n\r\n", 400, "field"},
        Refusal{"NulInField", std::string("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 27), 400, "value"},
        Refusal{"ChunkTooLargeForANumber", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
                400, "chunk"},
        Refusal{"NegativeChunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc", 400, "chunk"},
        Refusal{"LengthInATrailer",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n", 400,
                "Content-Length"},
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
