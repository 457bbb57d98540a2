// HttpSession: one connection. Reads requests one after the other, hands each to the handler, writes its answer.
//
//   kIdle ──first byte──▶ kReading ──whole request──▶ kAnswering ──answer out──▶ kIdle
//                            │ malformed, too slow        │ last answer out
//                            └──────▶ kAnswering          └──▶ kLingering ──client closes──▶ kClosed
//
// Every state goes to kClosed when the client goes away or a deadline passes. The socket is watched for input at all
// times, so that a disconnect is noticed while an answer is being computed; what a client pipelines meanwhile waits.
//
// Lives on the I/O thread only. Owned by the pending operations on its socket and by the server's list.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "tenfold/server/cors.h"
#include "tenfold/server/http.h"
#include "tenfold/server/http_parser.h"

namespace tenfold::server {

// What all sessions of a server share.
struct HttpSessionContext {
  HttpLimits limits;
  CorsPolicy cors;
  HttpHandler handler;
  std::function<void(const AnswerRecord&)> on_answered;  // or none
  std::span<char> read_scratch;  // one for all: sessions read in turn, so that an idle one holds no buffer
  std::function<void(class HttpSession*)> on_closed;
};

class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;  // TCP's or a Unix socket

  // `client` is its address, for the access log.
  HttpSession(Socket socket, std::string client, HttpSessionContext& context);
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  void Start();
  // Answers without having read anything, then closes.
  void Refuse(const HttpResponse& response);
  bool was_refused() const { return refused_; }
  // The server stops: an idle connection closes now, another one after the answer it is waiting for.
  void Drain();
  // `why` goes into the access log when an answer was under way.
  void Close(AnswerEnd why);

 private:
  enum class State { kIdle, kReading, kAnswering, kLingering, kClosed };
  class Writer;

  void WaitReadable();
  void OnReadable();
  void ParseInput();
  void Dispatch();
  // Answers what the handler never saw, as the last thing on this connection.
  void Reject(const HttpResponse& response);
  // What is known of the request that the next answer is for.
  void DescribeRequest(const HttpRequest& request);
  void BeginRecord();
  void EndRecord(AnswerEnd end);

  void QueueHead(const HttpResponse& response, std::optional<size_t> content_length);
  void Queue(std::string_view bytes);
  void FinishAnswer();
  void WriteQueued();
  void WriteSome();
  void OnAnswerOut();

  void SetDeadline(std::chrono::milliseconds from_now);
  void ClearDeadline();
  void OnDeadline();

  HttpSessionContext& context_;
  Socket socket_;
  const std::string client_;
  boost::asio::steady_timer deadline_;
  State state_ = State::kIdle;
  bool draining_ = false;
  bool refused_ = false;

  bool watching_input_ = false;
  bool input_ended_ = false;
  std::string input_;  // received, not yet parsed
  std::optional<HttpParser> parser_;
  bool continue_sent_ = false;

  // The answer under way.
  std::unique_ptr<AnswerRecord> record_;  // from a request's first byte on, where somebody wants it
  std::chrono::steady_clock::time_point arrived_at_;
  uint64_t num_answer_bytes_ = 0;  // written to the socket
  std::string origin_;
  std::weak_ptr<Writer> writer_;
  bool keep_alive_ = true;
  bool head_only_ = false;  // HEAD: the header of the answer without its body
  bool chunked_ = false;
  bool rejected_ = false;                                                  // the rest of the input is not worth reading
  bool cut_off_ = false;                                                   // too slow a reader
  std::optional<std::chrono::steady_clock::time_point> over_limit_since_;  // more waits than max_queued_bytes
  bool answer_complete_ = false;                                           // all of it is queued
  std::string queued_;  // coalesces what comes while a write is in flight
  std::string in_flight_;
  size_t num_written_ = 0;  // of in_flight_
};

}  // namespace tenfold::server
