// Against a server of a few lines that answers as scripted, faults included.
#include "tenfold/bench/load_client.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/json.h"

namespace tenfold::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using testing::HasSubstr;

std::string Head(std::string_view status = "200 OK") {
  return fmt::format("HTTP/1.1 {}\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", status);
}
std::string Chunk(std::string_view text) {
  return fmt::format("{:x}\r\n{}\r\n", text.size(), text);
}
std::string TextEvent(std::string_view text, std::string_view more = "") {
  return Chunk(fmt::format("data: {{\"choices\": [{{\"index\": 0, \"text\": \"{}\"{}}}]}}\n\n", text, more));
}
const std::string kEnd = Chunk("data: [DONE]\n\n") + "0\r\n\r\n";

// A thread a connection; one request each. `answer` gets the body and returns the bytes to send, in parts 20 ms apart.
class ScriptedServer {
 public:
  using Answer = std::function<std::vector<std::string>(const json::object& body)>;
  explicit ScriptedServer(Answer answer)
      : answer_(std::move(answer)),
        acceptor_(io_, {asio::ip::address_v4::loopback(), 0}),
        thread_([this] { Accept(); }) {}
  ~ScriptedServer() {
    stopping_ = true;
    asio::ip::tcp::socket wake(io_);
    wake.connect(acceptor_.local_endpoint());
    thread_.join();
    for (std::thread& thread : connections_) thread.join();
  }

  LoadOptions Options() const {
    return {.url = {"127.0.0.1", std::to_string(acceptor_.local_endpoint().port()), ""}, .model = {}, .api_key = {}};
  }
  std::vector<json::object> Bodies() {
    const std::lock_guard lock(mutex_);
    return bodies_;
  }

  std::string Team() {
    const std::lock_guard lock(mutex_);
    return team_;
  }

 private:
  void Accept() {
    while (true) {
      asio::ip::tcp::socket socket(io_);
      acceptor_.accept(socket);
      if (stopping_) return;
      connections_.emplace_back([this, s = std::make_shared<asio::ip::tcp::socket>(std::move(socket))] { Serve(*s); });
    }
  }
  void Serve(asio::ip::tcp::socket& socket) {
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    boost::system::error_code error;
    http::read(socket, buffer, request, error);
    if (error) return;
    if (request.method() == http::verb::get) {
      const std::string models = R"({"data": [{"id": "scripted"}]})";
      asio::write(socket,
                  asio::buffer(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", models.size(), models)),
                  error);
      return;
    }
    const json::object body = json::parse(request.body()).get_object();
    {
      const std::lock_guard lock(mutex_);
      team_ = std::string(request["X-Team"]);
      bodies_.push_back(body);
    }
    for (const std::string& part : answer_(body)) {
      asio::write(socket, asio::buffer(part), error);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  Answer answer_;
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<json::object> bodies_;
  std::string team_;  // the header X-Team of the last request
  std::vector<std::thread> connections_;
  std::thread thread_;
};

std::vector<Conversation> Prompts(int count, int64_t num_output_tokens = 2) {
  std::vector<Conversation> plan;
  for (int i = 0; i < count; ++i) plan.push_back({0, {{{i, 7}, num_output_tokens}}});
  return plan;
}

LoadRun RunAgainst(const LoadOptions& options, const std::vector<Conversation>& plan) {
  return RunLoad(options, plan, [](const LoadProgress&) {}).value();
}

TEST(LoadClient, TimesTheParts) {
  ScriptedServer server([](const json::object&) {
    return std::vector<std::string>{Head(), TextEvent("a"), TextEvent("b") + kEnd};
  });
  const LoadRun run = RunAgainst(server.Options(), Prompts(3));
  ASSERT_EQ(run.outcomes.size(), 3u);
  for (const LoadOutcome& outcome : run.outcomes) {
    EXPECT_EQ(outcome.error, "");
    EXPECT_GE(outcome.first_text_s - outcome.start_s, 0.02);
    ASSERT_EQ(outcome.gaps_s.size(), 1u);
    EXPECT_GE(outcome.gaps_s[0], 0.015);
    EXPECT_EQ(outcome.num_output_tokens, 2);
    EXPECT_EQ(outcome.num_prompt_tokens, 2);
  }
  EXPECT_EQ(run.max_running, 3);
  const json::object body = server.Bodies().at(0);
  EXPECT_EQ(body.at("model"), "scripted");
  EXPECT_EQ(body.at("max_tokens"), 2);
  EXPECT_EQ(body.at("ignore_eos"), true);
}

TEST(LoadClient, ClientsInAClosedLoopWaitForTheirAnswers) {
  ScriptedServer server([](const json::object&) { return std::vector<std::string>{Head() + TextEvent("a") + kEnd}; });
  LoadOptions options = server.Options();
  options.max_concurrency = 2;
  const LoadRun run = RunAgainst(options, Prompts(7));
  EXPECT_EQ(run.outcomes.size(), 7u);
  EXPECT_EQ(run.max_running, 2);
}

TEST(LoadClient, RequestsArriveWhenPlanned) {
  ScriptedServer server([](const json::object&) { return std::vector<std::string>{Head() + TextEvent("a") + kEnd}; });
  std::vector<Conversation> plan = Prompts(2);
  plan[1].arrival_s = 0.3;
  const LoadRun run = RunAgainst(server.Options(), plan);
  EXPECT_LT(run.outcomes[0].start_s, 0.2);
  EXPECT_GE(run.outcomes[1].start_s, 0.3);
}

TEST(LoadClient, AConversationRepeatsWhatWasSaid) {
  ScriptedServer server([](const json::object&) {
    return std::vector<std::string>{Head() + TextEvent("a", ", \"token_ids\": [50, 51]") + kEnd};
  });
  const std::vector<Conversation> plan = {{0, {{{1, 2}, 2}, {{3}, 2}, {{4}, 2}}}};
  EXPECT_EQ(RunAgainst(server.Options(), plan).outcomes.size(), 3u);
  EXPECT_EQ(server.Bodies()[1].at("prompt"), (json::array{1, 2, 50, 51, 3}));
  EXPECT_EQ(server.Bodies()[2].at("prompt"), (json::array{1, 2, 50, 51, 3, 50, 51, 4}));
}

struct Fault {
  const char* name;
  std::vector<std::string> parts;
  const char* words;
};
class LoadClientFault : public testing::TestWithParam<Fault> {};
INSTANTIATE_TEST_SUITE_P(
    All, LoadClientFault,
    testing::Values(
        Fault{"Refused", {"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 5\r\n\r\nlater"}, "HTTP 429: later"},
        Fault{"CutOff", {Head(), TextEvent("a")}, "the connection broke: partial message"},
        Fault{"CutOffBetweenChunks", {Head(), TextEvent("a"), "0\r\n\r\n"}, "before its end was announced"},
        Fault{"NoText", {Head() + kEnd}, "no text"},
        Fault{"NotJson", {Head() + Chunk("data: <p>\n\n")}, "not valid JSON"},
        Fault{"NotHttp", {"hello\r\n\r\n"}, "version"},
        Fault{"ErrorEvent", {Head() + Chunk("data: {\"error\": {\"message\": \"full\"}}\n\n")}, "full"},
        Fault{"Silence", {}, "the connection broke: end of stream"}),
    [](const auto& info) { return info.param.name; });

// One request meets the fault; the others are served.
TEST_P(LoadClientFault, IsNotedAndTheOthersGoOn) {
  ScriptedServer server([](const json::object& body) {
    if (body.at("prompt").at(0) == 1) return GetParam().parts;
    return std::vector<std::string>{Head() + TextEvent("a") + kEnd};
  });
  const LoadRun run = RunAgainst(server.Options(), Prompts(3));
  int num_failed = 0;
  for (const LoadOutcome& outcome : run.outcomes) {
    if (outcome.error.empty()) continue;
    ++num_failed;
    EXPECT_THAT(outcome.error, HasSubstr(GetParam().words));
  }
  EXPECT_EQ(run.outcomes.size(), 3u);
  EXPECT_EQ(num_failed, 1);
}

TEST(LoadClient, TheLastEventEndsAnAnswerWhoseBodyStaysOpen) {
  ScriptedServer server([](const json::object&) {
    std::vector<std::string> parts(20, std::string());  // 0.4 s of silence
    parts[0] = Head() + TextEvent("a") + Chunk("data: [DONE]\n\n");
    return parts;
  });
  const LoadRun run = RunAgainst(server.Options(), Prompts(1));
  EXPECT_EQ(run.outcomes[0].error, "");
  EXPECT_LT(run.outcomes[0].end_s, 0.3);
}

TEST(LoadClient, SendsHeaders) {
  ScriptedServer server([](const json::object&) { return std::vector{Head() + TextEvent("a") + kEnd}; });
  LoadOptions options = server.Options();
  options.headers = {ParseHeader("X-Team=a = b").value()};
  EXPECT_EQ(RunAgainst(options, Prompts(1)).outcomes[0].error, "");
  EXPECT_EQ(server.Team(), "a = b");
  for (const char* bad : {"", "X-Team", "=a", "X Team=a", "X-Team=a\r\nHost: b"}) EXPECT_FALSE(ParseHeader(bad)) << bad;
}

TEST(LoadClient, ARequestTimesOut) {
  ScriptedServer server([](const json::object&) { return std::vector<std::string>(50, std::string()); });
  LoadOptions options = server.Options();
  options.request_timeout_s = 0.1;
  const LoadRun run = RunAgainst(options, Prompts(1));
  EXPECT_THAT(run.outcomes[0].error, HasSubstr("timeout"));
}

TEST(LoadClient, SaysWhereNobodyAnswers) {
  LoadOptions options{.url = {"127.0.0.1", "9", ""}, .model = {}, .api_key = {}};
  const auto run = RunLoad(options, Prompts(1), [](const LoadProgress&) {});
  ASSERT_FALSE(run);
  EXPECT_THAT(run.error().message, HasSubstr("no answer from http://127.0.0.1:9/v1/models: Connection refused"));
}

TEST(ServerUrl, IsTakenApart) {
  const auto parts = [](std::string_view url) {
    const ServerUrl parsed = ParseServerUrl(url).value();
    return std::vector<std::string>{parsed.host, parsed.port, parsed.base};
  };
  using Parts = std::vector<std::string>;
  EXPECT_EQ(parts("http://127.0.0.1:8000"), (Parts{"127.0.0.1", "8000", ""}));
  EXPECT_EQ(parts("localhost"), (Parts{"localhost", "80", ""}));
  EXPECT_EQ(parts("http://host:1/v1/"), (Parts{"host", "1", ""}));
  EXPECT_EQ(parts("http://host:1/llm/v1"), (Parts{"host", "1", "/llm"}));
  EXPECT_EQ(parts("http://[::1]:8080"), (Parts{"::1", "8080", ""}));
  for (const char* bad : {"https://host", "http://", "http://host:x", "http://host:"}) {
    EXPECT_FALSE(ParseServerUrl(bad)) << bad;
  }
}

}  // namespace
}  // namespace tenfold::bench
