// A crowd of 500 clients at one small server: some are patient, and some vanish, cancel, send rubbish, send halves, or
// read slowly or not at all. Whoever is patient gets the text that the same request gets alone, and nothing is left of
// the others.
//
// TENFOLD_CROWD_SECONDS says for how long (8 without it).
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/random.h"
#include "tenfold/platform/file_limit.h"
#include "tenfold/server/client_for_test.h"

#include "service_for_test.h"

namespace tenfold::server {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::string_view kJson = "Content-Type: application/json\r\n";
constexpr uint64_t kNumClients = 500;
constexpr uint64_t kNumTexts = 40;
constexpr int kPatienceS = 120;  // under a sanitizer, a place in the batch may take long to come

std::chrono::seconds Duration() {
  const char* asked = std::getenv("TENFOLD_CROWD_SECONDS");
  return std::chrono::seconds(asked == nullptr ? 8 : std::atoi(asked));
}

// Request `i` of the patient ones; the same text each time, since it brings its seed.
std::string Body(uint64_t i, bool stream) {
  const auto draw = Philox(21, 0, i);
  std::string prompt = i % 3 == 0 ? "once upon a time " : "";
  for (uint32_t k = 0; k <= draw[0] % 60; ++k) prompt += static_cast<char>('a' + Philox(21, i, k)[1] % 26);
  return fmt::format(R"({{"prompt": "{}", "max_tokens": {}, "seed": {}, "ignore_eos": true, "stream": {}}})", prompt,
                     1 + draw[1] % 16, i, stream);
}

// What a client can do. `draw` is its own.
class Crowd {
 public:
  explicit Crowd(int port) : port_(port) {
    for (uint64_t i = 0; i < kNumTexts; ++i) texts_.push_back(Whole(i));
  }

  void RunUntil(Clock::time_point end, uint64_t client) {
    for (uint64_t turn = 0; Clock::now() < end && !testing::Test::HasFailure(); ++turn) One(Philox(22, client, turn));
  }

  std::atomic<int64_t> num_patient{0}, num_vanished{0}, num_refused{0}, num_slow{0};

 private:
  using Draw = std::array<uint32_t, 4>;

  void One(const Draw& draw) {
    const uint64_t text = draw[1] % kNumTexts;
    switch (draw[0] % 8) {
      case 0:
      case 1:
        EXPECT_EQ(Whole(text), texts_[text]);
        ++num_patient;
        return;
      case 2:
      case 3:
        EXPECT_EQ(Streamed(text, milliseconds(0)), texts_[text]);
        ++num_patient;
        return;
      case 4:
        EXPECT_EQ(Streamed(text, milliseconds(draw[2] % 30)), texts_[text]);
        ++num_slow;
        return;
      case 5:
        return Vanish(draw);
      case 6:
        return SendRubbish(draw);
      case 7:
        return NeverRead(draw);
    }
  }

  std::string Whole(uint64_t text) const {
    TestClient client(port_);
    client.set_patience_s(kPatienceS);
    const TestResponse response = client.PostAndRead("/v1/completions", Body(text, false), kJson);
    EXPECT_EQ(response.status, 200) << response.body;
    if (response.status != 200) return {};
    return std::string(ParseJson(response.body, "answer").value().at("choices").at(0).at("text").as_string());
  }

  // With a pause after each event, and a small window for the server to fill.
  std::string Streamed(uint64_t text, milliseconds pause) const {
    TestClient client(port_, /*receive_buffer_bytes=*/pause.count() > 0 ? 2048 : 0);
    client.set_patience_s(kPatienceS);
    client.Post("/v1/completions", Body(text, true), kJson);
    EXPECT_EQ(client.ReadHead().status, 200);
    std::string read;
    for (std::string event = client.ReadEvent(); !event.empty(); event = client.ReadEvent()) {
      if (event == "[DONE]") return read;
      read += std::string_view(ParseJson(event, "chunk").value().at("choices").at(0).at("text").as_string());
      std::this_thread::sleep_for(pause);
    }
    ADD_FAILURE() << "the stream ended without [DONE], after \"" << read << '"';
    return read;
  }

  // At once, after a moment, or after the first words; politely or with a reset; also in the middle of sending.
  void Vanish(const Draw& draw) {
    ++num_vanished;
    TestClient client(port_);
    client.set_patience_s(kPatienceS);
    const std::string request = TestClient::Format(
        "POST", "/v1/completions",
        fmt::format(
            R"({{"prompt": ["some words", "others"], "max_tokens": 90, "n": 2, "ignore_eos": true, "stream": {}}})",
            draw[1] % 2 == 0),
        kJson);
    if (draw[2] % 4 == 0) {
      client.Send(request.substr(0, draw[3] % request.size()));
    } else {
      client.Send(request);
      if (draw[2] % 4 == 1) std::this_thread::sleep_for(std::chrono::microseconds(draw[3] % 30'000));
      if (draw[2] % 4 == 2 && draw[1] % 2 == 0) {
        client.ReadHead();
        client.ReadEvent();
      }
    }
    if (draw[3] % 2 == 0) client.Reset();
  }

  void SendRubbish(const Draw& draw) {
    TestClient client(port_);
    std::string rubbish;
    switch (draw[1] % 6) {
      case 0:
        for (uint32_t i = 0; i < 200; ++i) rubbish += static_cast<char>(Philox(draw[2], 1, i)[0]);
        rubbish += "\r\n\r\n\r\n";
        break;
      case 1:
        rubbish = TestClient::Format("POST", "/v1/completions", R"({"prompt": )" + std::string(5000, '['), kJson);
        break;
      case 2:
        rubbish = TestClient::Format("POST", "/v1/completions", R"({"prompt": "a", "n": -3, "best_of": 2})", kJson);
        break;
      case 3:
        rubbish = "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        break;
      case 4:
        rubbish = "GET /" + std::string(40'000, 'x') + " HTTP/1.1\r\n\r\n";
        break;
      case 5:
        rubbish = TestClient::Format("GET", "/metrics") + TestClient::Format("GET", "/v1/nothing") + "\r\n\r\n\r\n\r\n";
        break;
    }
    client.Send(rubbish);
    // Only the last kind begins with something good.
    const int expected = draw[1] % 6 == 5 ? 200 : 400;
    const TestResponse response = client.ReadResponse();
    EXPECT_GE(response.status, expected) << draw[1] % 6;
    EXPECT_LT(response.status, 500);
    ++num_refused;
  }

  // Its answers wait until the server has had enough, or it goes.
  void NeverRead(const Draw& draw) {
    ++num_vanished;
    TestClient client(port_, /*receive_buffer_bytes=*/2048);
    for (uint32_t i = 0; i < 1 + draw[1] % 5; ++i) {
      client.Post("/v1/completions", R"({"prompt": "a", "max_tokens": 100, "ignore_eos": true, "stream": true})",
                  kJson);
    }
    std::this_thread::sleep_for(milliseconds(draw[2] % 300));
  }

  const int port_;
  std::vector<std::string> texts_;
};

std::string Get(int port, std::string_view path) {
  TestClient client(port);
  client.set_patience_s(kPatienceS);
  const TestResponse response = client.Get(path);
  EXPECT_EQ(response.status, 200);
  return response.body;
}

TEST(Crowd, NobodyTakesAnythingFromTheOthers) {
  platform::RaiseOpenFileLimit();
  HttpLimits limits;
  limits.max_queued_bytes = 32 << 10;
  limits.write_timeout = milliseconds(2000);
  limits.request_timeout = milliseconds(kPatienceS * 1000);
  const Service service(/*num_pages=*/48, /*max_num_seqs=*/24, "lpm", /*num_swap_pages=*/16, limits);
  Crowd crowd(service.port());
  const Clock::time_point end = Clock::now() + Duration();
  std::vector<std::thread> clients;
  for (uint64_t i = 0; i < kNumClients; ++i) clients.emplace_back([&, i] { crowd.RunUntil(end, i); });
  for (std::thread& client : clients) client.join();

  EXPECT_TRUE(service.BecomesIdle());
  const json::value state = ParseJson(Get(service.port(), "/admin/state"), "state").value();
  EXPECT_EQ(state.at("pages").at("free"), state.at("pages").at("total"));
  EXPECT_TRUE(state.at("sequences").as_array().empty());
  const std::string metrics = Get(service.port(), "/metrics");
  for (const char* idle : {"tenfold:num_requests_running{model_name=\"default\"} 0\n",
                           "tenfold:num_requests_waiting{model_name=\"default\"} 0\n",
                           "tenfold:kv_cache_usage_perc{model_name=\"default\"} 0\n"}) {
    EXPECT_NE(metrics.find(idle), std::string::npos) << idle << metrics;
  }
  EXPECT_GT(service.Stats().num_finished_cancelled, 20u) << "who vanished was computed for all the same";
  EXPECT_GT(crowd.num_patient, 50);
  EXPECT_GT(crowd.num_slow, 10);
  EXPECT_GT(crowd.num_vanished, 20);
  EXPECT_GT(crowd.num_refused, 20);
  fmt::print("{} patient and {} slow readers, {} that vanished, {} with rubbish; {} preemptions\n",
             crowd.num_patient.load(), crowd.num_slow.load(), crowd.num_vanished.load(), crowd.num_refused.load(),
             service.Stats().num_preemptions);
}

}  // namespace
}  // namespace tenfold::server
