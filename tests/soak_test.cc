// Requests of all kinds at random for a while, against a tiny pool: samples, beams, shared beginnings, salts,
// deadlines, clients that leave. Each one ends, and nothing is left behind.
//
// TENFOLD_SOAK_SECONDS says for how long (10 without it).
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/random.h"
#include "tenfold/server/client_for_test.h"

#include "service_for_test.h"

namespace tenfold::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kJson = "Content-Type: application/json\r\n";

std::chrono::seconds Duration() {
  const char* asked = std::getenv("TENFOLD_SOAK_SECONDS");
  return std::chrono::seconds(asked == nullptr ? 10 : std::atoi(asked));
}

json::value Get(int port, std::string_view path) {
  TestClient client(port);
  const TestResponse response = client.Get(path);
  EXPECT_EQ(response.status, 200);
  return ParseJson(response.body, "answer").value();
}

struct Tally {
  std::atomic<int64_t> num_whole{0};
  std::atomic<int64_t> num_abandoned{0};
  std::atomic<int64_t> num_timed_out{0};
};

class Arrivals {
 public:
  Arrivals(int port, uint64_t seed, Tally& tally) : port_(port), seed_(seed), tally_(&tally) {}

  void RunUntil(Clock::time_point end) {
    for (uint64_t i = 0; Clock::now() < end && !testing::Test::HasFailure(); ++i) One(i);
  }

 private:
  void One(uint64_t i) {
    const auto draw = Philox(seed_, 0, i);
    const auto more = Philox(seed_, 1, i);
    const bool stream = draw[0] % 2 == 0;
    const bool timed = more[0] % 4 == 0;
    std::string prompts = fmt::format("\"{}\"", Prompt(i, 0));
    if (draw[1] % 5 == 0) prompts = fmt::format(R"([{}, "{}"])", prompts, Prompt(i, 1));
    const std::string body =
        fmt::format(R"({{"prompt": {}, "max_tokens": {}, "n": {}, "ignore_eos": true, "stream": {}{}{}{}}})", prompts,
                    timed ? 90 : 1 + draw[2] % 60, draw[3] % 4 == 0 ? 1 + draw[3] / 4 % 3 : 1, stream,
                    timed ? fmt::format(", \"request_timeout\": {}", 0.0001 * (1 + more[1] % 20)) : "",
                    draw[1] % 7 == 0 ? R"(, "cache_salt": "its own")" : "", Search(draw[2] / 64, stream));
    TestClient client(port_);
    ASSERT_TRUE(client.Post("/v1/completions", body, kJson));
    if (more[2] % 4 == 0) return Leave(client, stream, more[3]);
    if (stream) {
      ReadStream(client, timed);
    } else {
      const TestResponse response = client.ReadResponse();
      ASSERT_TRUE(response.status == 200 || (timed && response.status == 504)) << response.status << response.body;
      ++(response.status == 200 ? tally_->num_whole : tally_->num_timed_out);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(more[3] % 3000));
  }

  // Beams, or more samples than are returned.
  static std::string Search(uint32_t draw, bool stream) {
    if (draw % 8 == 0) return R"(, "use_beam_search": true, "best_of": 3)";
    if (draw % 8 == 1 && !stream) return R"(, "best_of": 4)";
    return "";
  }

  std::string Prompt(uint64_t i, uint64_t which) const {
    std::string prompt = i % 3 == 0 ? "once upon a time there was a little girl " : "";
    const uint32_t size = Philox(seed_, 2 + which, i)[0] % 80;
    for (uint32_t k = 0; k <= size; ++k) prompt += static_cast<char>('a' + Philox(seed_, i, k)[1] % 26);
    return prompt;
  }

  // Goes away: at once, after a moment, or after the first words.
  void Leave(TestClient& client, bool stream, uint32_t draw) {
    ++tally_->num_abandoned;
    if (draw % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(draw % 20'000));
    if (draw % 3 == 1 && stream) {
      client.ReadHead();
      client.ReadEvent();
    }
  }

  void ReadStream(TestClient& client, bool timed) {
    ASSERT_EQ(client.ReadHead().status, 200);
    const std::vector<std::string> events = client.ReadEvents();
    ASSERT_GE(events.size(), 2u);
    ASSERT_EQ(events.back(), "[DONE]");
    const bool failed = events[events.size() - 2].starts_with(R"({"error")");
    ASSERT_TRUE(!failed || timed) << events[events.size() - 2];
    ++(failed ? tally_->num_timed_out : tally_->num_whole);
  }

  const int port_;
  const uint64_t seed_;
  Tally* tally_;
};

TEST(Soak, EveryRequestEndsAndNothingIsLeft) {
  // Three beams of the greatest length must fit.
  const Service service(/*num_pages=*/32, /*max_num_seqs=*/16, "lpm", /*num_swap_pages=*/24);
  Tally tally;
  const Clock::time_point end = Clock::now() + Duration();
  std::vector<std::thread> clients;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    clients.emplace_back([&, seed] { Arrivals(service.port(), seed, tally).RunUntil(end); });
  }
  // Somebody watches meanwhile, and what is seen adds up.
  int64_t num_looks = 0;
  while (Clock::now() < end && !testing::Test::HasFailure()) {
    const json::value state = Get(service.port(), "/admin/state");
    const auto& sequences = state.at("sequences").as_array();
    EXPECT_EQ(static_cast<int64_t>(sequences.size()), state.at("running").as_int64() + state.at("waiting").as_int64());
    for (const json::value& sequence : sequences) {
      EXPECT_TRUE(sequence.at("state") == "running" || sequence.at("pages") == 0);
    }
    ++num_looks;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(service.BecomesIdle());
  const json::value state = Get(service.port(), "/admin/state");
  EXPECT_EQ(state.at("pages").at("free"), state.at("pages").at("total"));
  EXPECT_TRUE(state.at("sequences").as_array().empty());
  EXPECT_GT(num_looks, 20);
  EXPECT_GT(tally.num_whole, 50);
  EXPECT_GT(tally.num_abandoned, 20);
  EXPECT_GT(tally.num_timed_out, 5);
  EXPECT_GT(service.Stats().num_preemptions, 0u);
  EXPECT_GT(service.Stats().prefix_hit_tokens, 0u);
  EXPECT_GT(service.Stats().num_swapped_in, 0u);
  fmt::print("{} answers, {} clients that left, {} deadlines, {} preemptions, {} looks\n", tally.num_whole.load(),
             tally.num_abandoned.load(), tally.num_timed_out.load(), service.Stats().num_preemptions, num_looks);
}

}  // namespace
}  // namespace tenfold::server
