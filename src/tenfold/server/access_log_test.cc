#include "tenfold/server/access_log.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/server/server_for_test.h"

namespace tenfold::server {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(AccessLogLineTest, SaysWhatHappened) {
  const AnswerRecord record{
      .arrived_at = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'042)),
      .duration = std::chrono::microseconds(12'345),
      .client = "127.0.0.1",
      .method = "POST",
      .path = "/v1/completions",
      .status = 200,
      .bytes_sent = 518,
      .streamed = true,
      .end = AnswerEnd::kClientLeft,
      .notes = {.id = "cmpl-1", .num_prompt_tokens = 3, .num_completion_tokens = 16}};
  EXPECT_EQ(AccessLogLine(record),
            R"({"time":"2023-11-14T22:13:20.042Z","client":"127.0.0.1","method":"POST","path":"/v1/completions",)"
            R"("status":200,"bytes_sent":518,"duration_ms":12.345,"id":"cmpl-1","streamed":true,"prompt_tokens":3,)"
            R"("completion_tokens":16,"end":"client_left"})"
            "\n");
}

TEST(AccessLogLineTest, StaysOneLineOfJsonWhateverTheClientSent) {
  const std::string line =
      AccessLogLine({.path = "/\"quoted\"\n{\xff\xc3\x28\\" + std::string(1000, 'x'), .end = AnswerEnd::kShutdown});
  EXPECT_LT(line.size(), 500u);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const json::value value = FromJson(line.substr(0, line.size() - 1));
  EXPECT_THAT(std::string(value.at("path").as_string()), HasSubstr("/\"quoted\"%0A{%FF%C3(\\"));
  EXPECT_TRUE(value.at("status").is_null());
  EXPECT_EQ(value.at("end"), "shutdown");
}

class AccessLogTest : public ServerTest {
 protected:
  AccessLogTest() : path_(fmt::format("{}/access-{}.log", testing::TempDir(), ::getpid())) {
    std::filesystem::remove(path_);
    options_.access_log = path_;
  }
  ~AccessLogTest() override { std::filesystem::remove(path_); }

  // What the log holds when the server is gone. A client may have an answer before the server knows that it went out;
  // once it has answered another one, it does.
  std::vector<json::value> Lines() {
    Connect().Get("/health");
    server_->Stop();
    server_->Stop();
    Join();
    engine_.reset();
    server_.reset();
    text_ = ReadFile(path_);
    std::vector<json::value> lines;
    for (size_t begin = 0, end; (end = text_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      json::value line = FromJson(text_.substr(begin, end - begin));
      if (line.at("path") != "/health") lines.push_back(std::move(line));
    }
    return lines;
  }

  const std::string path_;
  std::string text_;
};

TEST_F(AccessLogTest, HasALineForEveryAnswer) {
  options_.api.api_keys = {"the-key"};
  options_.http.limits.request_timeout = std::chrono::milliseconds(100);
  StartServer();
  constexpr std::string_view kKey = "Authorization: Bearer the-key\r\n";
  TestClient client = Connect();
  const TestResponse whole = client.PostAndRead("/v1/completions", R"({"prompt": "SECRET", "max_tokens": 4})", kKey);
  const std::string streaming = R"({"prompt": ["a", "bc"], "n": 2, "max_tokens": 3, "stream": true})";
  EXPECT_THAT(client.PostAndRead("/v1/completions", streaming, kKey).body, HasSubstr("[DONE]"));
  client.Get("/v1/models?token=SECRET", "Authorization: Bearer SECRET\r\n");
  client.PostAndRead("/v1/completions", "{]", kKey);
  TestClient garbage = Connect();
  garbage.Send("rubbish\r\n\r\n");
  garbage.ReadResponse();
  TestClient half = Connect();
  half.Send("POST /half HTTP/1.1\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(half.ReadResponse().status, 408);

  const auto lines = Lines();
  std::vector<std::string> said;
  for (const json::value& line : lines) {
    said.push_back(fmt::format("{} {} {} {}", std::string_view(line.at("method").as_string()),
                               std::string_view(line.at("path").as_string()), line.at("status").as_int64(),
                               std::string_view(line.at("end").as_string())));
    EXPECT_EQ(line.at("client"), "127.0.0.1");
    EXPECT_GE(line.at("duration_ms").to_number<double>(), 0);
    EXPECT_LT(line.at("duration_ms").to_number<double>(), 60'000);
    EXPECT_GT(line.at("bytes_sent").as_int64(), 100);
  }
  EXPECT_THAT(said, ElementsAre("POST /v1/completions 200 complete", "POST /v1/completions 200 complete",
                                "GET /v1/models 401 complete", "POST /v1/completions 400 complete", "  400 complete",
                                "POST /half 408 complete"));
  ASSERT_THAT(lines, SizeIs(6));
  EXPECT_EQ(lines[0].at("id"), FromJson(whole.body).at("id"));
  EXPECT_EQ(lines[0].at("streamed"), false);
  EXPECT_EQ(lines[0].at("prompt_tokens"), 7) << "one for each byte, and BOS";
  EXPECT_EQ(lines[0].at("completion_tokens"), 4);
  EXPECT_GT(lines[0].at("bytes_sent").as_int64(), static_cast<int64_t>(whole.body.size()));
  EXPECT_EQ(lines[1].at("streamed"), true);
  EXPECT_EQ(lines[1].at("prompt_tokens"), 5);
  EXPECT_EQ(lines[1].at("completion_tokens"), 12);
  EXPECT_FALSE(lines[2].as_object().contains("id"));
  EXPECT_GE(lines[5].at("duration_ms").to_number<double>(), 90) << "from the first byte";
  EXPECT_THAT(text_, AllOf(Not(HasSubstr("SECRET")), Not(HasSubstr("the-key"))));
}

TEST_F(AccessLogTest, TellsHowAnAnswerEndedEarly) {
  options_.http.limits.max_queued_bytes = 64 << 10;
  StartServer();
  engine_->Pause();
  TestClient leaves = Connect();
  leaves.Post("/v1/completions", R"({"prompt": "a", "stream": true, "max_tokens": 20})");
  EXPECT_EQ(leaves.ReadHead().status, 200);
  engine_->Resume(2);
  leaves.ReadEvent();
  leaves.ReadEvent();
  leaves.Close();
  ASSERT_TRUE(engine_->WaitForCancelled(1));
  TestClient waits = Connect();
  waits.Post("/v1/completions", R"({"prompt": "a"})");
  ASSERT_TRUE(engine_->WaitForSubmitted(2));
  waits.Close();
  ASSERT_TRUE(engine_->WaitForCancelled(2));

  engine_->SetScript([](const engine::Request&, int, int) {
    engine::OutputEvent event;
    event.tokens = {kFirstByte};
    event.text = std::string(50'000, 'x');
    return event;
  });
  TestClient slow(server_->port(), /*receive_buffer_bytes=*/4096);
  slow.Post("/v1/completions", R"({"prompt": "a", "stream": true, "max_tokens": 2000})");
  engine_->Resume();
  ASSERT_TRUE(engine_->WaitForCancelled(3));
  engine_->Pause();
  TestClient last = Connect();
  last.Post("/v1/completions", R"({"prompt": "a"})");
  ASSERT_TRUE(engine_->WaitForSubmitted(4));

  const auto lines = Lines();
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0].at("end"), "client_left");
  EXPECT_EQ(lines[0].at("status"), 200);
  EXPECT_EQ(lines[0].at("completion_tokens"), 2);
  EXPECT_EQ(lines[1].at("end"), "client_left");
  EXPECT_TRUE(lines[1].at("status").is_null());
  EXPECT_EQ(lines[1].at("prompt_tokens"), 2);
  EXPECT_EQ(lines[2].at("end"), "too_slow");
  EXPECT_EQ(lines[3].at("end"), "shutdown");
}

TEST_F(AccessLogTest, IsAppendedToAndOpenedAgain) {
  std::ofstream(path_) << "{}\n";
  {
    const auto log = AccessLog::Open(path_).value();
    log->Add({.path = "/one"});
  }
  EXPECT_THAT(ReadFile(path_), AllOf(testing::StartsWith("{}\n"), HasSubstr("/one")));
  const auto log = AccessLog::Open(path_).value();
  std::filesystem::rename(path_, path_ + ".1");
  log->Add({.path = "/two"});
  log->Reopen();
  for (int i = 0; i < 1000 && !std::filesystem::exists(path_); ++i) ::usleep(10'000);
  log->Add({.path = "/three"});
  for (int i = 0; i < 1000 && ReadFile(path_).empty(); ++i) ::usleep(10'000);
  EXPECT_THAT(ReadFile(path_), AllOf(HasSubstr("/three"), Not(HasSubstr("/two"))));
  EXPECT_THAT(ReadFile(path_ + ".1"), AllOf(HasSubstr("/two"), Not(HasSubstr("/three"))));
  std::filesystem::remove(path_ + ".1");
}

TEST_F(AccessLogTest, AFileThatCannotBeWrittenIsAnError) {
  options_.access_log = "/no such folder/log";
  const auto server = Server::Create(options_);
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().code, ErrorCode::kIo);
  EXPECT_THAT(server.error().message, AllOf(HasSubstr("/no such folder/log"), HasSubstr("No such file")));
}

}  // namespace
}  // namespace tenfold::server
