#include "tenfold/server/http_session.h"

#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

#include "tenfold/base/check.h"
#include "tenfold/base/logging.h"
#include "tenfold/server/api_error.h"

namespace tenfold::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// The handler's end of one answer. It outlives neither the connection's use of it (`session_` is cut at the end) nor
// the answer: a writer kept for too long cannot write into the next one.
class HttpSession::Writer final : public ResponseWriter {
 public:
  explicit Writer(std::shared_ptr<HttpSession> session) : session_(std::move(session)) {}

  void Send(HttpResponse response) override {
    if (session_ == nullptr) return;
    session_->QueueHead(response, response.body.size());
    if (!session_->head_only_) session_->queued_ += response.body;
    Finish();
  }

  void StartStream(HttpResponse response) override {
    if (session_ == nullptr) return;
    session_->QueueHead(response, std::nullopt);
    if (session_->record_ != nullptr) session_->record_->streamed = true;
    Write(response.body);
    session_->WriteQueued();
  }

  void Write(std::string_view piece) override {
    if (session_ == nullptr || piece.empty() || session_->head_only_) return;
    session_->Queue(piece);
    session_->WriteQueued();
  }

  void End() override {
    if (session_ == nullptr) return;
    if (session_->chunked_ && !session_->head_only_) session_->queued_ += "0\r\n\r\n";
    Finish();
  }

  void OnClose(std::function<void()> on_close) override { on_close_ = std::move(on_close); }

  void ConnectionClosed() {
    TellNotes();
    session_ = nullptr;
    if (on_close_) std::exchange(on_close_, nullptr)();
  }

 private:
  void TellNotes() {
    if (session_ != nullptr && session_->record_ != nullptr) session_->record_->notes = notes;
  }
  void Finish() {
    TellNotes();
    on_close_ = nullptr;
    std::exchange(session_, nullptr)->FinishAnswer();
  }

  std::shared_ptr<HttpSession> session_;
  std::function<void()> on_close_;
};

HttpSession::HttpSession(Socket socket, std::string client, HttpSessionContext& context)
    : context_(context), socket_(std::move(socket)), client_(std::move(client)), deadline_(socket_.get_executor()) {}

void HttpSession::Start() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  // A streamed token is a small packet that must not wait. A Unix socket has no such option, and never waits.
  socket_.set_option(tcp::no_delay(true), ignored);
  SetDeadline(context_.limits.idle_timeout);
  WaitReadable();
}

void HttpSession::Refuse(const HttpResponse& response) {
  refused_ = true;
  Start();
  BeginRecord();
  Reject(response);
}

void HttpSession::Drain() {
  draining_ = true;
  if (state_ == State::kIdle) Close(AnswerEnd::kShutdown);
}

void HttpSession::Close(AnswerEnd why) {
  if (state_ == State::kClosed) return;
  const bool was_answering = state_ == State::kAnswering;
  state_ = State::kClosed;
  const auto keep = shared_from_this();
  error_code ignored;
  deadline_.cancel();
  socket_.close(ignored);
  if (const auto writer = writer_.lock()) writer->ConnectionClosed();
  if (was_answering) EndRecord(why);
  context_.on_closed(this);
}

// ---------------------------------------------------------------------------------------------------------- reading

void HttpSession::WaitReadable() {
  if (watching_input_) return;
  watching_input_ = true;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](error_code error) {
    self->watching_input_ = false;
    if (self->state_ == State::kClosed) return;
    if (error) return self->Close(AnswerEnd::kClientLeft);
    self->OnReadable();
  });
}

void HttpSession::OnReadable() {
  error_code error;
  const size_t size =
      socket_.read_some(asio::buffer(context_.read_scratch.data(), context_.read_scratch.size()), error);
  if (error == asio::error::would_block || error == asio::error::interrupted) return WaitReadable();
  if (error == asio::error::eof && state_ == State::kAnswering && answer_complete_) {
    input_ended_ = true;  // it has closed its side, and still takes what is on its way
    return;
  }
  if (error) return Close(AnswerEnd::kClientLeft);
  if (state_ != State::kLingering) {
    input_.append(context_.read_scratch.data(), size);
    ParseInput();
  }
  if (state_ == State::kClosed) return;
  if (state_ == State::kAnswering && input_.size() >= context_.limits.max_read_ahead_bytes) return;
  WaitReadable();
}

void HttpSession::ParseInput() {
  if (input_.empty() || (state_ != State::kIdle && state_ != State::kReading)) return;
  if (state_ == State::kIdle) {
    state_ = State::kReading;
    parser_.emplace(context_.limits);
    continue_sent_ = false;
    BeginRecord();
    SetDeadline(context_.limits.request_timeout);
  }
  const auto consumed = parser_->Feed(input_);
  if (!consumed) return Reject(ErrorResponse({.status = consumed.error().status, .message = consumed.error().message}));
  input_.erase(0, *consumed);
  if (parser_->done()) return Dispatch();
  if (parser_->wants_continue() && !continue_sent_) {
    continue_sent_ = true;
    queued_ += "HTTP/1.1 100 Continue\r\n\r\n";
    WriteQueued();
  }
}

void HttpSession::Dispatch() {
  state_ = State::kAnswering;
  ClearDeadline();
  HttpRequest request = parser_->TakeRequest();
  parser_.reset();
  DescribeRequest(request);
  keep_alive_ = request.keep_alive;
  head_only_ = request.method == "HEAD";
  chunked_ = !request.is_http_1_0;
  answer_complete_ = false;
  const auto writer = std::make_shared<Writer>(shared_from_this());
  writer_ = writer;
  try {
    if (auto preflight = context_.cors.Preflight(request)) return writer->Send(*std::move(preflight));
    context_.handler(std::move(request), writer);
  } catch (const std::exception& exception) {  // out of memory
    LogError("a request could not be answered: {}", exception.what());
    Close(AnswerEnd::kShutdown);
  }
}

void HttpSession::Reject(const HttpResponse& response) {
  state_ = State::kAnswering;
  rejected_ = true;
  if (parser_) DescribeRequest(parser_->partial());
  parser_.reset();
  keep_alive_ = false;
  head_only_ = false;
  ClearDeadline();
  QueueHead(response, response.body.size());
  queued_ += response.body;
  FinishAnswer();
}

void HttpSession::BeginRecord() {
  if (!context_.on_answered) return;
  record_ = std::make_unique<AnswerRecord>();
  record_->arrived_at = std::chrono::system_clock::now();
  arrived_at_ = std::chrono::steady_clock::now();
}

void HttpSession::DescribeRequest(const HttpRequest& request) {
  origin_ = request.origin;
  num_answer_bytes_ = 0;
  if (record_ == nullptr) return;
  record_->method = request.method;
  record_->path = request.path;
}

void HttpSession::EndRecord(AnswerEnd end) {
  if (record_ == nullptr) return;
  record_->duration = std::chrono::steady_clock::now() - arrived_at_;
  record_->client = client_;
  record_->bytes_sent = num_answer_bytes_;
  record_->end = end;
  context_.on_answered(*std::exchange(record_, nullptr));
}

// ---------------------------------------------------------------------------------------------------------- writing

void HttpSession::QueueHead(const HttpResponse& response, std::optional<size_t> content_length) {
  if (!content_length.has_value() && !chunked_) keep_alive_ = false;  // HTTP/1.0: the end of the stream is the end
  if (draining_) keep_alive_ = false;
  if (record_ != nullptr) record_->status = response.status;
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status));
  const auto out = std::back_inserter(queued_);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\n", response.status, std::string_view(reason.data(), reason.size()));
  HttpHeaders headers = response.headers;
  context_.cors.AddHeaders(origin_, headers);
  for (const auto& [name, value] : headers) fmt::format_to(out, "{}: {}\r\n", name, value);
  constexpr int kNoContent = 204;
  if (response.status != kNoContent) fmt::format_to(out, "Content-Type: {}\r\n", response.content_type);
  if (content_length.has_value()) {
    if (response.status != kNoContent) fmt::format_to(out, "Content-Length: {}\r\n", *content_length);
  } else if (chunked_) {
    queued_ += "Transfer-Encoding: chunked\r\n";
  }
  queued_ += keep_alive_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
}

void HttpSession::Queue(std::string_view bytes) {
  if (chunked_) {
    fmt::format_to(std::back_inserter(queued_), "{:x}\r\n{}\r\n", bytes.size(), bytes);
  } else {
    queued_ += bytes;
  }
  const size_t limit = context_.limits.max_queued_bytes;
  if (queued_.size() <= limit || cut_off_) {
    over_limit_since_.reset();
    return;
  }
  // One piece may be longer than that: what counts is that it is not taken. Who takes nothing at all is cut off by the
  // deadline of writing.
  const auto now = std::chrono::steady_clock::now();
  if (!over_limit_since_) over_limit_since_ = now;
  constexpr std::chrono::seconds kPatience{1};
  constexpr size_t kMostTimesTheLimit = 8;
  if (now - *over_limit_since_ < kPatience && queued_.size() <= kMostTimesTheLimit * limit) return;
  cut_off_ = true;  // closing waits a turn, so that the handler is not called back from inside its own Write
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->Close(AnswerEnd::kTooSlow); });
}

void HttpSession::FinishAnswer() {
  answer_complete_ = true;
  WriteQueued();
}

void HttpSession::WriteQueued() {
  if (state_ == State::kClosed || !in_flight_.empty() || queued_.empty()) return;
  in_flight_.swap(queued_);
  num_written_ = 0;
  WriteSome();
}

void HttpSession::WriteSome() {
  if (state_ == State::kAnswering) SetDeadline(context_.limits.write_timeout);
  socket_.async_write_some(asio::buffer(in_flight_.data() + num_written_, in_flight_.size() - num_written_),
                           [self = shared_from_this()](error_code error, size_t size) {
                             if (self->state_ == State::kClosed) return;
                             if (error) return self->Close(AnswerEnd::kClientLeft);
                             self->num_written_ += size;
                             self->num_answer_bytes_ += size;
                             if (self->num_written_ < self->in_flight_.size()) return self->WriteSome();
                             self->in_flight_.clear();
                             if (!self->queued_.empty()) return self->WriteQueued();
                             if (self->state_ != State::kAnswering) return;  // it was "100 Continue"
                             self->ClearDeadline();
                             if (self->answer_complete_) self->OnAnswerOut();
                           });
}

void HttpSession::OnAnswerOut() {
  answer_complete_ = false;
  EndRecord(AnswerEnd::kComplete);
  if (keep_alive_ && !draining_) {
    state_ = State::kIdle;
    // Idle connections are many, and need no buffers.
    in_flight_ = {};
    queued_ = {};
    if (input_.empty()) input_ = {};
    SetDeadline(context_.limits.idle_timeout);
    ParseInput();
    if (state_ == State::kClosed) return;
    if (!input_ended_) return WaitReadable();
    if (state_ != State::kAnswering || !answer_complete_) Close(AnswerEnd::kClientLeft);
    return;
  }
  // Closing a socket with unread input resets the connection, and the client may lose the answer: let it close first.
  if (!rejected_ && input_.empty()) return Close(AnswerEnd::kComplete);
  state_ = State::kLingering;
  input_.clear();
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  SetDeadline(context_.limits.linger_timeout);
  WaitReadable();
}

// -------------------------------------------------------------------------------------------------------- deadlines

void HttpSession::SetDeadline(std::chrono::milliseconds from_now) {
  deadline_.expires_after(from_now);
  deadline_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (error || self == nullptr || self->state_ == State::kClosed) return;
    // The deadline may have been moved after this call was queued.
    if (self->deadline_.expiry() <= std::chrono::steady_clock::now()) self->OnDeadline();
  });
}

void HttpSession::ClearDeadline() {
  deadline_.expires_at(std::chrono::steady_clock::time_point::max());
}

void HttpSession::OnDeadline() {
  if (state_ == State::kReading) {
    return Reject(ErrorResponse({.status = 408,
                                 .message = fmt::format("the request was not complete within {} ms",
                                                        context_.limits.request_timeout.count())}));
  }
  Close(AnswerEnd::kTooSlow);
}

}  // namespace tenfold::server
