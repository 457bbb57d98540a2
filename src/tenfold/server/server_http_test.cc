// How connections behave: framing, limits, timeouts, clients that go away or do not read, and the end of a server.
#include <csignal>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/server/server_for_test.h"

namespace tenfold::server {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::string_view kStreaming = R"({"prompt": "a", "max_tokens": 3, "stream": true})";
constexpr std::string_view kWhole = R"({"prompt": "a", "max_tokens": 3})";

class ServerHttpTest : public ServerTest {};

TEST_F(ServerHttpTest, OneConnectionServesManyRequests) {
  StartServer();
  TestClient client = Connect();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.Get("/health").status, 200);
    EXPECT_EQ(client.PostAndRead("/v1/completions", kWhole).status, 200);
    EXPECT_EQ(client.PostAndRead("/v1/completions", kStreaming).status, 200);
    EXPECT_EQ(client.PostAndRead("/v1/completions", "{").status, 400);
  }
}

TEST_F(ServerHttpTest, PipelinedRequestsAreAnsweredInOrderOneAtATime) {
  StartServer();
  engine_->Pause();
  TestClient client = Connect();
  client.Send(TestClient::Format("POST", "/v1/completions", kStreaming) +
              TestClient::Format("POST", "/v1/completions", kWhole) + TestClient::Format("GET", "/version"));
  ASSERT_TRUE(engine_->WaitForSubmitted(1));
  EXPECT_EQ(Connect().Get("/health").status, 200);  // a round trip, in which the second request could be read
  EXPECT_THAT(engine_->submitted(), SizeIs(1));
  engine_->Resume();
  EXPECT_THAT(client.ReadResponse().body, HasSubstr("[DONE]"));
  EXPECT_THAT(client.ReadResponse().body, HasSubstr("\"text\":\"abc\""));
  EXPECT_THAT(client.ReadResponse().body, HasSubstr("version"));
}

TEST_F(ServerHttpTest, ReadsOnlySoFarAheadAndAnswersAll) {
  options_.http.limits.max_read_ahead_bytes = 100;
  StartServer();
  engine_->Pause();
  TestClient client = Connect();
  client.Post("/v1/completions", kWhole);
  ASSERT_TRUE(engine_->WaitForSubmitted(1));
  for (int i = 0; i < 50; ++i) client.Send(TestClient::Format("GET", "/version"));
  EXPECT_EQ(Connect().Get("/health").status, 200);
  engine_->Resume();
  for (int i = 0; i < 51; ++i) ASSERT_EQ(client.ReadResponse().status, 200) << i;
}

TEST_F(ServerHttpTest, AHalfClosedClientGetsTheAnswersOfWhatItSent) {
  StartServer();
  TestClient client = Connect();
  for (int i = 0; i < 3; ++i) client.Send(TestClient::Format("GET", "/version"));
  client.CloseSending();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(client.ReadResponse().status, 200) << i;
  EXPECT_TRUE(client.WaitForClose());
}

TEST_F(ServerHttpTest, ClosesWhenTheClientAsksForIt) {
  StartServer();
  TestClient client = Connect();
  const TestResponse response = client.PostAndRead("/v1/completions", kStreaming, "Connection: close\r\n");
  EXPECT_EQ(response.headers.at("connection"), "close");
  EXPECT_THAT(response.body, HasSubstr("[DONE]"));
  EXPECT_TRUE(client.WaitForClose());
}

TEST_F(ServerHttpTest, StreamsToHttp10UntilTheConnectionCloses) {
  StartServer();
  TestClient client = Connect();
  client.Send(
      fmt::format("POST /v1/completions HTTP/1.0\r\nContent-Length: {}\r\n\r\n{}", kStreaming.size(), kStreaming));
  const TestResponse response = client.ReadResponse();
  EXPECT_EQ(response.headers.count("transfer-encoding"), 0);
  EXPECT_TRUE(response.body.starts_with("data: {")) << response.body;
  EXPECT_TRUE(response.body.ends_with("data: [DONE]\n\n")) << response.body;
}

TEST_F(ServerHttpTest, TellsAWaitingClientToContinue) {
  StartServer();
  TestClient client = Connect();
  client.Send(fmt::format("POST /v1/completions HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
                          kWhole.size()));
  EXPECT_EQ(client.ReadHead().status, 100);
  client.Send(kWhole);
  EXPECT_EQ(client.ReadResponse().status, 200);
}

TEST_F(ServerHttpTest, AHeadRequestGetsNoBody) {
  StartServer();
  TestClient client = Connect();
  client.Send(TestClient::Format("HEAD", "/health"));
  EXPECT_EQ(client.ReadResponse(/*has_body=*/false).headers.at("content-length"), "15");
  EXPECT_EQ(client.Get("/health").status, 200);
}

TEST_F(ServerHttpTest, RefusesALargeBodyAndCloses) {
  options_.http.limits.max_body_bytes = 1000;
  StartServer();
  TestClient client = Connect();
  client.Post("/v1/completions", std::string(100'000, 'x'));
  const TestResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 413);
  EXPECT_THAT(response.body, HasSubstr("1000 bytes"));
  EXPECT_EQ(FromJson(response.body).at("error").at("type"), "invalid_request_error");
  EXPECT_TRUE(client.WaitForClose());
}

TEST_F(ServerHttpTest, RefusesALongHeaderAndGarbage) {
  StartServer();
  EXPECT_EQ(Connect().Get("/health", "X: " + std::string(20'000, 'a') + "\r\n").status, 431);
  TestClient client = Connect();
  client.Send("\x16\x03\x01 no HTTP at all\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().status, 400);
  EXPECT_TRUE(client.WaitForClose());
  EXPECT_EQ(Connect().Get("/health").status, 200);
}

TEST_F(ServerHttpTest, AHalfSentRequestTimesOut) {
  options_.http.limits.request_timeout = milliseconds(50);
  StartServer();
  TestClient half_header = Connect();
  half_header.Send("GET /hea");
  TestClient half_body = Connect();
  half_body.Send("POST /v1/completions HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(half_header.ReadResponse().status, 408);
  EXPECT_EQ(half_body.ReadResponse().status, 408);
  EXPECT_TRUE(half_body.WaitForClose());
}

// The clock runs from the first byte: whoever sends one a moment never sits on a connection for long.
TEST_F(ServerHttpTest, AByteAtATimeIsTooSlow) {
  options_.http.limits.request_timeout = milliseconds(100);
  StartServer();
  TestClient client = Connect();
  const std::string request = TestClient::Format("POST", "/v1/completions", kWhole);
  for (const char& byte : request) {
    if (!client.Send({&byte, 1})) break;
    std::this_thread::sleep_for(milliseconds(5));
  }
  const TestResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 408);
  EXPECT_EQ(FromJson(response.body).at("error").at("message"), "the request was not complete within 100 ms");
}

// By its length, before any of it is sent; without one, by what came.
TEST_F(ServerHttpTest, AHundredMegabytesAreRefused) {
  StartServer();
  constexpr int64_t kSize = 100'000'000;
  TestClient polite = Connect();
  polite.Send(
      fmt::format("POST /v1/completions HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n", kSize));
  EXPECT_EQ(polite.ReadResponse().status, 413) << "and no \"100 Continue\"";

  const std::string piece(1'000'000, ' ');
  TestClient told = Connect();
  told.Send(fmt::format("POST /v1/completions HTTP/1.1\r\nContent-Length: {}\r\n\r\n{}", kSize, piece));
  EXPECT_EQ(told.ReadResponse().status, 413);

  TestClient chunked = Connect();
  chunked.Send("POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 35; ++i) chunked.Send(fmt::format("{:x}\r\n{}\r\n", piece.size(), piece));
  EXPECT_EQ(chunked.ReadResponse().status, 413);
  EXPECT_EQ(Connect().Get("/health").status, 200);
}

// A front server and this one must agree where a request ends, or one client's body becomes another's request.
TEST_F(ServerHttpTest, NoRequestIsSmuggledInABody) {
  StartServer();
  const std::string hidden = TestClient::Format("POST", "/v1/completions", kWhole);
  for (const std::string& header :
       {std::string("Transfer-Encoding: gzip\r\n"), std::string("Transfer-Encoding: xchunked\r\n"),
        std::string("Content-Length: 0\r\nContent-Length: 3\r\n"),
        std::string("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        std::string("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
        std::string("Content-Length: 3\r\nTransfer-Encoding: identity\r\n"), std::string("Content-Length : 3\r\n"),
        std::string("Content-Length: 3x\r\n")}) {
    TestClient client = Connect();
    client.Send(fmt::format("POST /v1/completions HTTP/1.1\r\nHost: x\r\n{}\r\n0\r\n\r\n{}", header, hidden));
    const TestResponse response = client.ReadResponse();
    EXPECT_EQ(response.status, 400) << header;
    EXPECT_EQ(response.headers.at("connection"), "close") << header;
    EXPECT_TRUE(client.WaitForClose()) << header;
  }
  EXPECT_THAT(engine_->submitted(), SizeIs(0));
}

TEST_F(ServerHttpTest, TargetsMayNameTheHost) {
  StartServer();
  TestClient client = Connect();
  client.Send("GET http://example.com:8000/version?x HTTP/1.1\r\nHost: example.com:8000\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().status, 200);
}

TEST_F(ServerHttpTest, AnIdleConnectionIsClosed) {
  options_.http.limits.idle_timeout = milliseconds(50);
  StartServer();
  TestClient client = Connect();
  EXPECT_EQ(client.Get("/health").status, 200);
  EXPECT_TRUE(client.WaitForClose());
}

TEST_F(ServerHttpTest, AWaitingClientIsNotIdle) {
  options_.http.limits.idle_timeout = milliseconds(20);
  options_.http.limits.request_timeout = milliseconds(20);
  StartServer();
  engine_->Pause();
  TestClient client = Connect();
  client.Post("/v1/completions", kWhole);
  ASSERT_TRUE(engine_->WaitForSubmitted(1));
  EXPECT_TRUE(Connect().WaitForClose());  // an idle one, connected later, has run out of time
  engine_->Resume();
  EXPECT_EQ(client.ReadResponse().status, 200);
}

TEST_F(ServerHttpTest, ADisconnectCancelsAStream) {
  StartServer();
  engine_->Pause();
  TestClient client = Connect();
  client.Post("/v1/completions", R"({"prompt": ["a", "b"], "stream": true, "n": 2})");
  EXPECT_EQ(client.ReadHead().status, 200);
  client.Close();
  EXPECT_TRUE(engine_->WaitForCancelled(2));
}

TEST_F(ServerHttpTest, ADisconnectCancelsAWaitingRequest) {
  StartServer();
  engine_->Pause();
  TestClient client = Connect();
  client.Post("/v1/completions", R"({"prompt": ["a", "b"]})");
  ASSERT_TRUE(engine_->WaitForSubmitted(2));
  client.Close();
  EXPECT_TRUE(engine_->WaitForCancelled(2));
  EXPECT_EQ(Connect().Get("/health").status, 200);
}

TEST_F(ServerHttpTest, NothingIsCancelledAfterAnAnswer) {
  StartServer();
  {
    TestClient client = Connect();
    EXPECT_EQ(client.PostAndRead("/v1/completions", kStreaming).status, 200);
  }
  engine_->Pause();
  TestClient other = Connect();
  other.Post("/v1/completions", kWhole);
  ASSERT_TRUE(engine_->WaitForSubmitted(2));
  other.Close();
  ASSERT_TRUE(engine_->WaitForCancelled(1));
  EXPECT_EQ(engine_->num_cancelled(), 1);
}

TEST_F(ServerHttpTest, ASlowReaderIsCutOff) {
  options_.http.limits.max_queued_bytes = 64 << 10;
  StartServer();
  engine_->SetScript([](const engine::Request&, int, int) {  // without end: only who is cut off is cancelled
    engine::OutputEvent event;
    event.tokens = {kFirstByte};
    event.text = std::string(50'000, 'x');
    return event;
  });
  TestClient client(server_->port(), /*receive_buffer_bytes=*/4096);
  client.Post("/v1/completions", kStreaming);
  EXPECT_TRUE(engine_->WaitForCancelled(1));
  EXPECT_EQ(Connect().Get("/health").status, 200);
}

TEST_F(ServerHttpTest, AReaderWithoutProgressIsCutOff) {
  options_.http.limits.write_timeout = milliseconds(50);
  options_.http.limits.drain_timeout = milliseconds(5'000);
  StartServer();
  engine_->SetScript([](const engine::Request&, int, int) {
    engine::OutputEvent event;
    event.tokens = {kFirstByte};
    event.text = std::string(8 << 20, 'x');
    event.finish = engine::FinishReason::kLength;
    return event;
  });
  TestClient client(server_->port(), /*receive_buffer_bytes=*/4096);
  client.Post("/v1/completions", kWhole);
  ASSERT_TRUE(engine_->WaitForSubmitted(1));
  const auto stopped_at = std::chrono::steady_clock::now();
  server_->Stop();
  Join();
  EXPECT_LT(std::chrono::steady_clock::now() - stopped_at, options_.http.limits.drain_timeout);
  EXPECT_EQ(client.ReadResponse().status, 0);
}

TEST_F(ServerHttpTest, StopFinishesOpenRequestsAndRefusesNewOnes) {
  StartServer();
  engine_->Pause();
  TestClient idle = Connect();
  EXPECT_EQ(idle.Get("/health").status, 200);
  TestClient half_sent = Connect();
  half_sent.Send("POST /v1/completions HTTP/1.1\r\nContent-Le");
  TestClient streaming = Connect();
  streaming.Post("/v1/completions", kStreaming);
  TestClient waiting = Connect();
  waiting.Post("/v1/completions", kWhole);
  ASSERT_TRUE(engine_->WaitForSubmitted(2));

  server_->Stop();
  EXPECT_TRUE(idle.WaitForClose());
  EXPECT_FALSE(Connect().connected());
  half_sent.Send(fmt::format("ngth: {}\r\n\r\n{}", kWhole.size(), kWhole));
  const TestResponse refused = half_sent.ReadResponse();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("connection"), "close");

  engine_->Resume();
  EXPECT_EQ(waiting.ReadResponse().status, 200);
  EXPECT_THAT(streaming.ReadResponse().body, HasSubstr("[DONE]"));
  Join();
  EXPECT_EQ(engine_->num_cancelled(), 0);
}

TEST_F(ServerHttpTest, TheDrainDeadlineCancelsWhatIsLeft) {
  options_.http.limits.drain_timeout = milliseconds(50);
  StartServer();
  engine_->Pause();
  TestClient client = Connect();
  client.Post("/v1/completions", kWhole);
  ASSERT_TRUE(engine_->WaitForSubmitted(1));
  server_->Stop();
  Join();
  EXPECT_EQ(engine_->num_cancelled(), 1);
  EXPECT_EQ(client.ReadResponse().status, 0);
}

TEST_F(ServerHttpTest, TheFirstSignalDrainsTheSecondStops) {
  options_.http.handle_signals = true;
  StartServer();
  engine_->Pause();
  TestClient idle = Connect();
  EXPECT_EQ(idle.Get("/health").status, 200);
  TestClient client = Connect();
  client.Post("/v1/completions", kWhole);
  ASSERT_TRUE(engine_->WaitForSubmitted(1));
  ::raise(SIGTERM);
  EXPECT_TRUE(idle.WaitForClose());
  EXPECT_EQ(engine_->num_cancelled(), 0);
  ::raise(SIGINT);
  Join();
  EXPECT_EQ(engine_->num_cancelled(), 1);
}

TEST_F(ServerHttpTest, APortInUseIsAnErrorThatNamesIt) {
  StartServer();
  ServerOptions again = options_;
  again.http.port = server_->port();
  const auto second = Server::Create(again);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kIo);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(server_->port())));
}

TEST_F(ServerHttpTest, TwoHundredStreamsAtOnce) {
  StartServer();
  engine_->Pause();
  std::vector<TestClient> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(Connect());
    clients.back().Post("/v1/completions",
                        fmt::format(R"({{"prompt": "a", "max_tokens": {}, "stream": true}})", 1 + i % 26));
  }
  ASSERT_TRUE(engine_->WaitForSubmitted(200));
  engine_->Resume();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(clients[i].ReadHead().status, 200);
    std::string text;
    for (const std::string& event : clients[i].ReadEvents()) {
      if (event != "[DONE]") text += FromJson(event).at("choices").at(0).at("text").as_string();
    }
    EXPECT_EQ(text, std::string("abcdefghijklmnopqrstuvwxyz").substr(0, 1 + i % 26));
  }
}

}  // namespace
}  // namespace tenfold::server
