// The plain face of HTTP: what handlers see of a request and how they answer it. No third-party header in here.
//
// All of this lives on the server's one I/O thread: handlers are called there, and a ResponseWriter is used there only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tenfold::server {

struct HttpRequest {
  std::string method;  // as sent: "GET"
  std::string path;    // of the target, before '?', not percent-decoded
  std::string query;   // after '?'
  std::string authorization;
  std::string content_type;
  std::string origin;          // of the web page that sends it
  std::string wanted_headers;  // of a preflight: those that the page would like to send
  bool is_preflight = false;   // a browser asks whether the page may
  std::string body;
  bool keep_alive = true;
  bool is_http_1_0 = false;  // knows no chunked encoding
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;  // names and values

struct HttpResponse {
  int status = 200;  // a 204 has neither body nor type
  std::string body = {};
  std::string content_type = "application/json";
  HttpHeaders headers = {};  // besides Content-Type, -Length and Connection
};

// What only the handler knows of an answer, for the access log.
struct AnswerNotes {
  std::string id = {};  // empty: it answers no generation
  int64_t num_prompt_tokens = 0;
  int64_t num_completion_tokens = 0;  // generated so far
};

// Answers one request: either Send once, or StartStream, Write any number of times, End. Whatever comes after the end,
// or after the client went away, is ignored. Never calls back from inside its own methods.
class ResponseWriter {
 public:
  AnswerNotes notes;  // read when the answer ends

  virtual ~ResponseWriter() = default;

  virtual void Send(HttpResponse response) = 0;

  // Begins an answer of unknown length; the response's body is its first piece.
  virtual void StartStream(HttpResponse response) = 0;
  virtual void Write(std::string_view piece) = 0;
  virtual void End() = 0;

  // `on_close` runs at most once: when the connection ends before the answer does, because the client went away, read
  // too slowly, or the server stopped. Not after End or Send.
  virtual void OnClose(std::function<void()> on_close) = 0;
};

enum class AnswerEnd { kComplete, kClientLeft, kTooSlow, kShutdown };

// An answer that is out, or will not be.
struct AnswerRecord {
  std::chrono::system_clock::time_point arrived_at{};  // its request's first byte
  std::chrono::steady_clock::duration duration{};
  std::string client = {};  // its address
  std::string method = {};  // this and the path are empty where the request's first line was not understood
  std::string path = {};
  int status = 0;           // 0: the client left before there was any
  uint64_t bytes_sent = 0;  // header and body, that the socket had taken when the answer ended
  bool streamed = false;
  AnswerEnd end = AnswerEnd::kComplete;
  AnswerNotes notes = {};
};

using HttpHandler = std::function<void(HttpRequest request, std::shared_ptr<ResponseWriter> writer)>;

struct HttpLimits {
  size_t max_header_bytes = 16 << 10;
  size_t max_body_bytes = 32 << 20;
  size_t max_connections = 16384;
  // Bytes of an answer that may wait for a slow reader: some ten thousand streamed chunks. Who lets more wait for a
  // second, or eight times as much for a moment, is cut off.
  size_t max_queued_bytes = 4 << 20;
  // Bytes of later, pipelined requests kept while one is answered. Beyond it nothing more is read until the answer is
  // out, so that only such a client's disconnect is noticed late.
  size_t max_read_ahead_bytes = 64 << 10;

  std::chrono::milliseconds idle_timeout{60'000};     // between two requests
  std::chrono::milliseconds request_timeout{30'000};  // from a request's first byte to its last
  std::chrono::milliseconds write_timeout{30'000};    // without progress while an answer waits to be read
  std::chrono::milliseconds linger_timeout{2'000};    // for the client to read the last answer before the socket closes
  std::chrono::milliseconds drain_timeout{30'000};    // from Stop to the end of requests still open
};

}  // namespace tenfold::server
