// TestClient: a blocking HTTP client on a POSIX socket that can also misbehave. For tests.
#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cctype>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

namespace tenfold::server {

struct TestResponse {
  int status = 0;                              // 0: the connection ended before a whole answer came
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // chunks joined
};

class TestClient {
 public:
  explicit TestClient(int port, int receive_buffer_bytes = 0) : TestClient(Family{AF_INET}) {
    if (receive_buffer_bytes > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(receive_buffer_bytes));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  // To a Unix socket.
  explicit TestClient(const std::string& path) : TestClient(Family{AF_UNIX}) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~TestClient() { Close(); }
  TestClient(TestClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), connected_(other.connected_), input_(std::move(other.input_)) {}

  bool connected() const { return connected_; }
  // How long it waits for bytes before it takes the server for dead.
  void set_patience_s(int seconds) {
    const timeval patience{.tv_sec = seconds, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  void Close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  // As a client that crashed: what is on its way is thrown away.
  void Reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    Close();
  }
  void CloseSending() { ::shutdown(socket_, SHUT_WR); }

  // Returns false when the server has closed.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  static std::string Format(std::string_view method, std::string_view path, std::string_view body = {},
                            std::string_view headers = {}) {
    std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: test\r\n{}", method, path, headers);
    if (method == "POST") request += fmt::format("Content-Length: {}\r\n", body.size());
    return request + "\r\n" + std::string(body);
  }
  bool Post(std::string_view path, std::string_view body, std::string_view headers = {}) {
    return Send(Format("POST", path, body, headers));
  }
  TestResponse Get(std::string_view path, std::string_view headers = {}) {
    Send(Format("GET", path, {}, headers));
    return ReadResponse();
  }
  TestResponse PostAndRead(std::string_view path, std::string_view body, std::string_view headers = {}) {
    Post(path, body, headers);
    return ReadResponse();
  }

  // Status and headers, up to the empty line.
  TestResponse ReadHead() {
    TestResponse response;
    std::string line;
    if (!ReadLine(line) || line.size() < 12) return response;
    const int status = std::stoi(line.substr(9, 3));
    while (ReadLine(line) && !line.empty()) {
      const size_t colon = line.find(": ");
      std::string name = line.substr(0, colon);
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      response.headers[name] = line.substr(colon + 2);
    }
    response.status = status;
    return response;
  }

  TestResponse ReadResponse(bool has_body = true) {
    TestResponse response = ReadHead();
    if (response.status == 0 || !has_body) return response;
    if (response.headers.count("transfer-encoding") > 0) {
      std::string chunk;
      while (ReadChunk(chunk)) response.body += chunk;
      if (!ended_) response.status = 0;
    } else if (response.headers.count("content-length") > 0) {
      if (!ReadBytes(std::stoul(response.headers["content-length"]), response.body)) response.status = 0;
    } else {
      while (Fill()) continue;
      response.body = std::exchange(input_, {});
    }
    return response;
  }

  // The next server-sent event of a chunked stream, without "data: "; empty at the end.
  std::string ReadEvent() {
    while (true) {
      if (const size_t end = events_.find("\n\n"); end != std::string::npos) {
        std::string event = events_.substr(6, end - 6);
        events_.erase(0, end + 2);
        return event;
      }
      std::string chunk;
      if (!ReadChunk(chunk)) return {};
      events_ += chunk;
    }
  }
  std::vector<std::string> ReadEvents() {
    std::vector<std::string> events;
    for (std::string event = ReadEvent(); !event.empty(); event = ReadEvent()) events.push_back(event);
    return events;
  }

  // Waits until the server closes; false when it sends something or waits longer than a test should.
  bool WaitForClose() {
    char byte;
    const ssize_t received = ::recv(socket_, &byte, 1, 0);
    return input_.empty() && (received == 0 || (received < 0 && errno == ECONNRESET));
  }

 private:
  struct Family {
    int value;
  };
  explicit TestClient(Family family) : socket_(::socket(family.value, SOCK_STREAM, 0)) { set_patience_s(10); }

  bool Fill() {
    char buffer[16384];
    const ssize_t received = ::recv(socket_, buffer, sizeof(buffer), 0);
    if (received <= 0) return false;
    input_.append(buffer, static_cast<size_t>(received));
    return true;
  }
  bool ReadLine(std::string& line) {
    size_t end;
    while ((end = input_.find("\r\n")) == std::string::npos) {
      if (!Fill()) return false;
    }
    line = input_.substr(0, end);
    input_.erase(0, end + 2);
    return true;
  }
  bool ReadBytes(size_t size, std::string& bytes) {
    while (input_.size() < size) {
      if (!Fill()) return false;
    }
    bytes = input_.substr(0, size);
    input_.erase(0, size);
    return true;
  }
  // False at the last chunk, or when the connection ends.
  bool ReadChunk(std::string& chunk) {
    std::string line;
    ended_ = false;
    if (!ReadLine(line)) return false;
    const size_t size = std::stoul(line, nullptr, 16);
    if (!ReadBytes(size, chunk) || !ReadLine(line)) return false;
    ended_ = size == 0;
    return size > 0;
  }

  int socket_;
  bool connected_ = false;
  bool ended_ = false;  // the last chunk was seen
  std::string input_;
  std::string events_;
};

}  // namespace tenfold::server
