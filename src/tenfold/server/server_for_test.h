// A running server on a free port with a FakeEngine behind it. For tests.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/server/client_for_test.h"
#include "tenfold/server/fake_engine_for_test.h"
#include "tenfold/server/server.h"

namespace tenfold::server {

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    options_.http.port = 0;
    options_.api.served_model_names = {"fake", "alias"};
  }
  ~ServerTest() override {
    if (server_ == nullptr) return;
    server_->Stop();
    server_->Stop();
    Join();
    engine_.reset();
  }

  // After the test has set options_.
  void StartServer() {
    auto server = Server::Create(options_);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(*server);
    engine_ = std::make_unique<FakeEngine>(*server_);
    server_->Attach(*engine_, model_);
    thread_ = std::thread([this] { server_->Run(); });
  }
  // Returns when Run has returned.
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  TestClient Connect() const { return TestClient(server_->port()); }
  TestResponse Post(std::string_view path, std::string_view body, std::string_view headers = {}) const {
    return Connect().PostAndRead(path, body, headers);
  }

  ServerOptions options_;
  ModelDescription model_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<FakeEngine> engine_;
  std::thread thread_;
};

// Parses what the server said; a failure when it is not JSON.
inline json::value FromJson(std::string_view text) {
  auto value = ParseJson(text, "answer");
  EXPECT_TRUE(value.has_value()) << text;
  return value ? *value : json::value(nullptr);
}

class ServerApiTest : public ServerTest {
 protected:
  json::value PostOk(std::string_view path, std::string_view body) {
    const TestResponse response = Post(path, body);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.headers.at("content-type"), "application/json");
    return FromJson(response.body);
  }
  // The chunks of a stream, which must end with [DONE].
  std::vector<json::value> Stream(std::string_view path, std::string_view body) {
    TestClient client = Connect();
    client.Post(path, body);
    const TestResponse head = client.ReadHead();
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers.at("content-type"), "text/event-stream");
    std::vector<std::string> events = client.ReadEvents();
    EXPECT_FALSE(events.empty());
    if (events.empty()) return {};
    EXPECT_EQ(events.back(), "[DONE]");
    events.pop_back();
    std::vector<json::value> chunks;
    for (const std::string& event : events) chunks.push_back(FromJson(event));
    return chunks;
  }
};

inline constexpr std::string_view kChatBody = R"({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3)";

// A chat that is right but for `fields`.
inline std::string Chat(std::string_view fields) {
  return fmt::format("{}, {}}}", kChatBody, fields);
}

inline std::string Text(const json::value& value) {
  return std::string(value.as_string());
}

}  // namespace tenfold::server
