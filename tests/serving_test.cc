// The whole way: sockets, server, engine, model. Many clients at once, some of which leave in the middle.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/random.h"
#include "tenfold/server/client_for_test.h"

#include "service_for_test.h"

namespace tenfold::server {
namespace {

std::string Body(uint64_t i, bool stream) {
  const auto draw = Philox(8, 0, i);
  std::string prompt;
  for (uint32_t k = 0; k <= draw[0] % 70; ++k) prompt += static_cast<char>('a' + Philox(8, i, k)[0] % 26);
  return fmt::format(R"({{"prompt": "{}", "max_tokens": {}, "seed": {}, "n": {}, "ignore_eos": true, "stream": {}}})",
                     prompt, 1 + draw[1] % 30, i, i % 5 == 0 ? 2 : 1, stream);
}

constexpr std::string_view kJson = "Content-Type: application/json\r\n";

// The texts of the answer's choices, joined; a stream's are put together.
std::string Text(TestClient& client, bool stream) {
  if (!stream) {
    const TestResponse response = client.ReadResponse();
    EXPECT_EQ(response.status, 200) << response.body;
    if (response.status != 200) return {};
    std::string text;
    const json::value answer = ParseJson(response.body, "answer").value();
    for (const json::value& choice : answer.at("choices").as_array())
      text += std::string_view(choice.at("text").as_string());
    return text;
  }
  EXPECT_EQ(client.ReadHead().status, 200);
  std::string texts[2];
  for (const std::string& event : client.ReadEvents()) {
    if (event == "[DONE]") return texts[0] + texts[1];
    const json::value chunk = ParseJson(event, "chunk").value();
    const json::value& choice = chunk.at("choices").as_array()[0];
    texts[choice.at("index").as_int64()] += std::string_view(choice.at("text").as_string());
  }
  ADD_FAILURE() << "the stream ended without [DONE]";
  return {};
}

TEST(Serving, APromptOverTheContextIsToldBothNumbers) {
  const Service service;
  std::string ids = "5";
  for (int i = 1; i < 200; ++i) ids += ",5";
  for (const std::string_view stream : {"false", "true"}) {
    TestClient client(service.port());
    const TestResponse response =
        client.PostAndRead("/v1/completions", fmt::format(R"({{"prompt": [{}], "stream": {}}})", ids, stream), kJson);
    EXPECT_EQ(response.status, 400);
    const json::value answer = ParseJson(response.body, "answer").value();
    EXPECT_EQ(answer.at("error").at("message"),
              "the prompt has 200 tokens, but the context holds 160 together with the output; shorten it");
    EXPECT_EQ(client.Get("/health").status, 200);
  }
}

// 500 requests from four clients: streamed and whole, kept and abandoned. Those that stay get the text that the same
// request gets alone, and nothing is left behind by those that go.
TEST(Serving, ClientsThatLeaveTakeNothingWithThem) {
  const Service service;
  constexpr uint64_t kClients = 4, kRequestsEach = 125;
  std::atomic<int> num_abandoned{0};
  std::vector<std::string> texts(kClients * kRequestsEach);
  std::vector<std::thread> clients;
  for (uint64_t c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      for (uint64_t r = 0; r < kRequestsEach; ++r) {
        const uint64_t i = c * kRequestsEach + r;
        const auto draw = Philox(4, 1, i);
        const bool stream = draw[0] % 2 == 0;
        TestClient client(service.port());
        ASSERT_TRUE(client.Post("/v1/completions", Body(i, stream), kJson));
        if (draw[1] % 3 == 0) {  // goes away: at once, or after the first words
          ++num_abandoned;
          if (stream && draw[2] % 2 == 0) {
            client.ReadHead();
            client.ReadEvent();
          }
          continue;
        }
        texts[i] = Text(client, stream);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(service.BecomesIdle());
  EXPECT_GT(num_abandoned, 100);
  EXPECT_GT(service.Stats().num_preemptions, 0u);
  int num_compared = 0;
  for (uint64_t i = 0; i < texts.size(); i += 7) {
    if (texts[i].empty()) continue;
    TestClient client(service.port());
    ASSERT_TRUE(client.Post("/v1/completions", Body(i, false), kJson));
    EXPECT_EQ(Text(client, false), texts[i]) << "request " << i;
    ++num_compared;
  }
  EXPECT_GT(num_compared, 20);
}

// As harnesses score texts: the same to the last bit alone, beside others, again, and as part of what goes on.
TEST(Serving, ScoresTextsTheSameHoweverTheyAreAsked) {
  const Service service;
  const auto scores = [&](std::string_view fields) {
    TestClient client(service.port());
    const TestResponse response = client.PostAndRead("/v1/completions", fmt::format("{{{}}}", fields), kJson);
    EXPECT_EQ(response.status, 200) << response.body;
    std::vector<double> of_each;
    const json::value answer = ParseJson(response.body, "answer").value();
    for (const json::value& choice : answer.at("choices").as_array()) {
      const json::array& logprobs = choice.at("logprobs").at("token_logprobs").as_array();
      EXPECT_TRUE(logprobs.at(0).is_null());
      for (size_t i = 1; i < logprobs.size(); ++i) of_each.push_back(logprobs[i].as_double());
    }
    return of_each;
  };
  constexpr std::string_view kText = R"("once and on and on and the and once on and and the on and on the and")";
  const auto alone = scores(fmt::format(R"("prompt": {}, "echo": true, "logprobs": 1, "max_tokens": 0)", kText));
  EXPECT_GT(alone.size(), 16u);
  for (const double score : alone) EXPECT_LT(score, 0);
  EXPECT_EQ(scores(fmt::format(R"("prompt": {}, "echo": true, "logprobs": 2, "max_tokens": 0)", kText)), alone);
  const auto thrice =
      scores(fmt::format(R"("prompt": [{0}, {0}, {0}], "echo": true, "logprobs": 1, "max_tokens": 0)", kText));
  ASSERT_EQ(thrice.size(), 3 * alone.size());
  for (size_t i = 0; i < thrice.size(); ++i) EXPECT_EQ(thrice[i], alone[i % alone.size()]);
  const auto longer =
      scores(fmt::format(R"("prompt": {}, "echo": true, "logprobs": 1, "max_tokens": 5, "ignore_eos": true)", kText));
  ASSERT_EQ(longer.size(), alone.size() + 5);
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), longer.begin()));
  EXPECT_TRUE(service.BecomesIdle());
}

}  // namespace
}  // namespace tenfold::server
