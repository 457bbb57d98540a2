// What a browser is told about web pages of other origins.
#include "tenfold/server/cors.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/server/server_for_test.h"

namespace tenfold::server {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPage = "Origin: https://chat.example\r\n";
constexpr std::string_view kOtherPage = "Origin: https://evil.example\r\n";
constexpr std::string_view kPreflight =
    "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,x-stainless-os\r\n";

class CorsTest : public ServerTest {
 protected:
  TestResponse Ask(std::string_view method, std::string_view path, std::string_view headers,
                   std::string_view body = {}) const {
    TestClient client = Connect();
    client.Send(TestClient::Format(method, path, body, headers));
    return client.ReadResponse(/*has_body=*/method != "OPTIONS");
  }
  static std::string AllowedOrigin(const TestResponse& response) {
    const auto found = response.headers.find("access-control-allow-origin");
    return found == response.headers.end() ? "" : found->second;
  }
};

TEST_F(CorsTest, WithoutAnOriginNothingIsSaid) {
  StartServer();
  const TestResponse answer = Ask("GET", "/health", kPage);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(AllowedOrigin(answer), "");
  EXPECT_EQ(answer.headers.count("vary"), 0u);
  EXPECT_EQ(Ask("OPTIONS", "/v1/models", fmt::format("{}{}", kPage, kPreflight)).status, 405);
}

TEST_F(CorsTest, EveryAnswerToAnAllowedPageSaysSo) {
  options_.allowed_origins = {"http://localhost:3000", "https://chat.example"};
  options_.api.api_keys = {"key"};
  options_.http.limits.max_body_bytes = 100;
  StartServer();
  const std::string with_key = fmt::format("{}Authorization: Bearer key\r\nContent-Type: application/json\r\n", kPage);
  const auto expect_allowed = [](int status, const TestResponse& answer) {
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(AllowedOrigin(answer), "https://chat.example") << status;
    EXPECT_EQ(answer.headers.at("vary"), "Origin");
    EXPECT_EQ(answer.headers.at("access-control-expose-headers"), "Retry-After");
  };
  expect_allowed(200, Ask("GET", "/health", kPage));
  expect_allowed(401, Ask("GET", "/v1/models", kPage));
  expect_allowed(404, Ask("GET", "/nothing", kPage));
  const TestResponse stream =
      Ask("POST", "/v1/completions", with_key, R"({"prompt": "a", "max_tokens": 2, "stream": true})");
  expect_allowed(200, stream);
  EXPECT_THAT(stream.body, HasSubstr("[DONE]"));
  expect_allowed(400, Ask("POST", "/v1/completions", with_key, "{"));
  expect_allowed(413, Ask("POST", "/v1/completions", with_key, std::string(200, ' ')));
}

TEST_F(CorsTest, OtherPagesGetNoLeave) {
  options_.allowed_origins = {"https://chat.example"};
  StartServer();
  for (const std::string_view page : {kOtherPage, std::string_view()}) {
    const TestResponse answer = Ask("GET", "/health", page);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(AllowedOrigin(answer), "");
    EXPECT_EQ(answer.headers.at("vary"), "Origin") << "a cache must not give it to a page that is allowed";
  }
  EXPECT_EQ(Ask("OPTIONS", "/v1/models", fmt::format("{}{}", kOtherPage, kPreflight)).status, 403);
}

TEST_F(CorsTest, APreflightNeedsNoKey) {
  options_.allowed_origins = {"https://chat.example"};
  options_.api.api_keys = {"key"};
  StartServer();
  TestClient client = Connect();
  client.Send(TestClient::Format("OPTIONS", "/v1/chat/completions", {}, fmt::format("{}{}", kPage, kPreflight)));
  const TestResponse answer = client.ReadResponse(/*has_body=*/false);
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(AllowedOrigin(answer), "https://chat.example");
  EXPECT_THAT(answer.headers.at("access-control-allow-methods"), HasSubstr("POST"));
  EXPECT_EQ(answer.headers.at("access-control-allow-headers"), "authorization,x-stainless-os");
  EXPECT_EQ(answer.headers.at("access-control-max-age"), "7200");
  EXPECT_EQ(answer.headers.count("content-length"), 0u);
  EXPECT_EQ(answer.headers.count("content-type"), 0u);
  EXPECT_EQ(client.Get("/health").status, 200) << "the connection goes on";

  const TestResponse plain =
      Ask("OPTIONS", "/v1/models", fmt::format("{}Access-Control-Request-Method: GET\r\n", kPage));
  EXPECT_THAT(plain.headers.at("access-control-allow-headers"), HasSubstr("Authorization"));
  EXPECT_EQ(Ask("OPTIONS", "/v1/models", kPage).status, 405) << "no preflight";
}

TEST_F(CorsTest, AStarIsForAll) {
  options_.allowed_origins = {"*"};
  options_.http.limits.max_connections = 1;
  StartServer();
  TestClient client = Connect();
  const TestResponse answer = client.Get("/health", kOtherPage);
  EXPECT_EQ(AllowedOrigin(answer), "*");
  EXPECT_EQ(answer.headers.count("vary"), 0u);
  const TestResponse refused = Connect().ReadResponse();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(AllowedOrigin(refused), "*") << "even before a request is read";
}

TEST(CorsPolicyTest, TakesOnlyWhatBrowsersSend) {
  for (const char* good : {"*", "null", "https://chat.example", "http://localhost:3000", "http://[::1]:8000",
                           "chrome-extension://abcdef"}) {
    EXPECT_TRUE(CorsPolicy::Create({good}).has_value()) << good;
  }
  for (const char* bad : {"", "chat.example", "https://", "https://chat.example/", "https://chat.example/path",
                          "https://Chat.example", "https://*.example", "https://a,https://b", "://a"}) {
    const auto policy = CorsPolicy::Create({"https://good.example", bad});
    ASSERT_FALSE(policy.has_value()) << bad;
    EXPECT_THAT(policy.error().message, HasSubstr(fmt::format("\"{}\" is no origin", bad)));
  }
}

}  // namespace
}  // namespace tenfold::server
