// Which sockets a server takes, and what it leaves behind: Unix sockets, and connections beyond the limit.
#include <sys/stat.h>
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

using testing::HasSubstr;

class ServerSocketTest : public ServerTest {
 protected:
  ServerSocketTest() : path_(fmt::format("{}/tenfold-{}.sock", testing::TempDir(), ::getpid())) {
    std::filesystem::remove(path_);
  }
  ~ServerSocketTest() override { std::filesystem::remove(path_); }

  void ExpectRefused(ErrorCode code, const std::string& words) {
    ServerOptions options = options_;
    options.http.unix_socket = path_;
    const auto server = Server::Create(options);
    ASSERT_FALSE(server.has_value());
    EXPECT_EQ(server.error().code, code);
    EXPECT_THAT(server.error().message, HasSubstr(path_));
    EXPECT_THAT(server.error().message, HasSubstr(words));
  }

  std::string path_;
};

TEST_F(ServerSocketTest, ServesAUnixSocketAndRemovesIt) {
  options_.http.unix_socket = path_;
  const mode_t before = ::umask(0027);
  StartServer();
  ::umask(before);
  EXPECT_EQ(server_->port(), 0);
  struct stat file {};
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0750u) << "by umask";
  TestClient client(path_);
  EXPECT_EQ(client.Get("/health").status, 200);
  EXPECT_THAT(client.PostAndRead("/v1/completions", R"({"prompt": "a", "max_tokens": 3, "stream": true})").body,
              HasSubstr("[DONE]"));
  server_->Stop();
  Join();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ServerSocketTest, ASocketIsGoneWhileOpenRequestsEnd) {
  options_.http.unix_socket = path_;
  StartServer();
  engine_->Pause();
  TestClient client(path_);
  client.Post("/v1/completions", R"({"prompt": "a", "max_tokens": 3})");
  ASSERT_TRUE(engine_->WaitForSubmitted(1));
  server_->Stop();
  for (int i = 0; i < 1000 && std::filesystem::exists(path_); ++i) ::usleep(10'000);
  // The next server has the path already, and keeps it when this one ends.
  std::ofstream(path_) << "the next one's";
  engine_->Resume();
  EXPECT_EQ(client.ReadResponse().status, 200);
  Join();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ServerSocketTest, AFileThatTookItsPlaceStays) {
  options_.http.unix_socket = path_;
  StartServer();
  std::filesystem::remove(path_);
  std::ofstream(path_) << "somebody's";
  server_->Stop();
  Join();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ServerSocketTest, ASocketOfADeadServerIsReplaced) {
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(dead);
  ASSERT_TRUE(std::filesystem::is_socket(path_));
  options_.http.unix_socket = path_;
  StartServer();
  EXPECT_EQ(TestClient(path_).Get("/health").status, 200);
}

TEST_F(ServerSocketTest, ALiveSocketAndOtherFilesStay) {
  options_.http.unix_socket = path_;
  StartServer();
  ExpectRefused(ErrorCode::kIo, "another server listens there");
  EXPECT_EQ(TestClient(path_).Get("/health").status, 200) << "it was left alone";
  server_->Stop();
  Join();

  std::ofstream(path_) << "precious";
  ExpectRefused(ErrorCode::kInvalidArgument, "not a socket");
  EXPECT_EQ(std::filesystem::file_size(path_), 8u);
  path_ = testing::TempDir() + "/" + std::string(200, 'a');
  ExpectRefused(ErrorCode::kInvalidArgument, "at most 107 bytes");
  path_ = testing::TempDir() + "/no such folder/socket";
  ExpectRefused(ErrorCode::kIo, "No such file or directory");
}

TEST_F(ServerSocketTest, ConnectionsBeyondTheLimitAreToldSo) {
  options_.http.limits.max_connections = 1;
  options_.http.limits.linger_timeout = std::chrono::milliseconds(60'000);
  StartServer();
  TestClient first = Connect();
  EXPECT_EQ(first.Get("/health").status, 200);
  TestClient second = Connect();
  const TestResponse refused = second.ReadResponse();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  EXPECT_EQ(refused.headers.at("connection"), "close");
  EXPECT_EQ(FromJson(refused.body).at("error").at("code"), "too_many_connections");
  EXPECT_EQ(first.Get("/health").status, 200);

  // Who was refused and does not go takes nobody's place.
  first.Close();
  int status = 503;
  for (int i = 0; i < 1000 && status != 200; ++i) status = Connect().Get("/health").status;
  EXPECT_EQ(status, 200);
}

// A flood of connections that are told to go and stay costs a bounded number of sockets.
TEST_F(ServerSocketTest, RefusalsAreBoundedToo) {
  options_.http.limits.max_connections = 1;
  options_.http.limits.linger_timeout = std::chrono::milliseconds(60'000);
  StartServer();
  TestClient first = Connect();
  EXPECT_EQ(first.Get("/health").status, 200);
  std::vector<TestClient> flood;
  int num_told = 0;
  for (int i = 0; i < 400; ++i) {
    flood.push_back(Connect());
    num_told += flood.back().ReadResponse().status == 503 ? 1 : 0;
  }
  EXPECT_EQ(num_told, 256);
  EXPECT_EQ(first.Get("/health").status, 200);
}

}  // namespace
}  // namespace tenfold::server
