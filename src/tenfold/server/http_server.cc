#include "tenfold/server/http_server.h"

#include <csignal>
#include <cstring>
#include <unordered_map>
#include <vector>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "tenfold/base/logging.h"
#include "tenfold/server/api_error.h"
#include "tenfold/server/http_session.h"
#include "tenfold/server/unix_socket.h"

namespace tenfold::server {

namespace asio = boost::asio;
using asio::generic::stream_protocol;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// Bodies are read in pieces of this size; larger ones gain nothing over a loopback socket.
constexpr size_t kReadScratchBytes = 64 << 10;
// Out of file descriptors: connections that end give some back, so that accepting again after a moment is right.
constexpr std::chrono::milliseconds kAcceptRetry{100};
// Connections beyond the limit that are being told so. Who comes when even these are taken finds the door shut.
constexpr size_t kMaxRefusals = 256;

// "127.0.0.1", "::1", or "unix".
std::string AddressOf(const HttpSession::Socket& socket) {
  error_code error;
  const stream_protocol::endpoint peer = socket.remote_endpoint(error);
  if (error) return {};
  const int family = peer.protocol().family();
  tcp::endpoint address;
  if ((family != AF_INET && family != AF_INET6) || peer.size() > address.capacity()) return "unix";
  std::memcpy(address.data(), peer.data(), peer.size());
  address.resize(peer.size());
  return address.address().to_string();
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(HttpServerOptions options) : options_(std::move(options)) {}

  Status Open() {
    if (!options_.unix_socket.empty()) return OpenUnixSocket();
    const std::string name = fmt::format("{}:{}", options_.host, options_.port);
    if (options_.port < 0 || options_.port > 65535) {
      return MakeError(ErrorCode::kInvalidArgument, "port {} does not lie in [0, 65535]", options_.port);
    }
    error_code error;
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(options_.host, std::to_string(options_.port), tcp::resolver::passive, error);
    if (error) return MakeError(ErrorCode::kIo, "cannot resolve {}: {}", name, error.message());
    RETURN_IF_ERROR(Listen(found.begin()->endpoint(), name));
    tcp::endpoint local;
    const stream_protocol::endpoint bound = acceptor_.local_endpoint(error);
    std::memcpy(local.data(), bound.data(), std::min(bound.size(), local.capacity()));
    port_ = local.port();
    return {};
  }

  int port() const { return port_; }
  bool draining() const { return num_stops_ > 0; }

  void Run(HttpHandler handler) {
    context_.limits = options_.limits;
    context_.cors = options_.cors;
    context_.on_answered = options_.on_answered;
    context_.handler = std::move(handler);
    context_.read_scratch = read_scratch_;
    context_.on_closed = [this](HttpSession* session) { OnClosed(session); };
    Accept();
    if (on_tick_) Tick();
    while (true) {
      try {
        io_.run();
        return;
      } catch (const std::exception& exception) {  // out of memory, in one connection's callback
        LogError("HTTP server: {}", exception.what());
      }
    }
  }

  void CatchSignals() {
    if (!options_.handle_signals) return;
    error_code ignored;
    signals_.add(SIGINT, ignored);
    signals_.add(SIGTERM, ignored);
    if (options_.on_hangup) signals_.add(SIGHUP, ignored);
    WaitForSignal();
  }

  void Post(std::function<void()> task) { asio::post(io_, std::move(task)); }

  void Every(std::chrono::milliseconds interval, std::function<void()> task) {
    tick_interval_ = interval;
    on_tick_ = std::move(task);
  }

  void StopOnce() {
    if (++num_stops_ > 1) return CloseAll();
    error_code ignored;
    acceptor_.close(ignored);
    socket_file_.Remove();
    accept_retry_.cancel();
    for (const auto& session : AllSessions()) session->Drain();
    if (sessions_.empty()) return OnDrained();
    drain_deadline_.expires_after(options_.limits.drain_timeout);
    drain_deadline_.async_wait([this](error_code error) {
      if (!error) CloseAll();
    });
  }

 private:
  Status OpenUnixSocket() {
    const std::string& path = options_.unix_socket;
    RETURN_IF_ERROR(SocketFile::MakeFree(path));
    RETURN_IF_ERROR(Listen(asio::local::stream_protocol::endpoint(path), path));
    socket_file_.Own(path);
    return {};
  }

  Status Listen(const stream_protocol::endpoint& endpoint, std::string_view name) {
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return MakeError(ErrorCode::kIo, "cannot listen on {}: {}", name, error.message());
    return {};
  }

  void Accept() {
    if (!acceptor_.is_open()) return;
    acceptor_.async_accept([this](error_code error, HttpSession::Socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {
        LogWarning("cannot accept a connection: {}", error.message());
        accept_retry_.expires_after(kAcceptRetry);
        accept_retry_.async_wait([this](error_code aborted) {
          if (!aborted) Accept();
        });
        return;
      }
      if (!draining()) Welcome(std::move(socket));
      Accept();
    });
  }

  void Welcome(HttpSession::Socket socket) {
    const bool full = sessions_.size() - num_refusals_ >= options_.limits.max_connections;
    if (full && num_refusals_ >= kMaxRefusals) return;  // `socket` closes
    std::string client = options_.on_answered ? AddressOf(socket) : std::string();
    const auto session = std::make_shared<HttpSession>(std::move(socket), std::move(client), context_);
    sessions_.emplace(session.get(), session);
    if (!full) return session->Start();
    ++num_refusals_;
    session->Refuse(ErrorResponse(
        {.status = 503,
         .message = fmt::format("all {} connections are taken: try again later", options_.limits.max_connections),
         .code = "too_many_connections"}));
  }

  void OnClosed(HttpSession* session) {
    if (session->was_refused()) --num_refusals_;
    sessions_.erase(session);
    if (draining() && sessions_.empty()) OnDrained();
  }

  void Tick() {
    tick_.expires_after(tick_interval_);
    tick_.async_wait([this](error_code error) {
      if (error) return;
      on_tick_();
      if (!drained_) Tick();
    });
  }

  // With these gone nothing holds the I/O thread any more.
  void OnDrained() {
    drained_ = true;
    tick_.cancel();
    drain_deadline_.cancel();
    error_code ignored;
    signals_.cancel(ignored);
  }

  void CloseAll() {
    for (const auto& session : AllSessions()) session->Close(AnswerEnd::kShutdown);
  }

  // A copy: closing one changes the list.
  std::vector<std::shared_ptr<HttpSession>> AllSessions() const {
    std::vector<std::shared_ptr<HttpSession>> all;
    for (const auto& [unused, session] : sessions_) all.push_back(session);
    return all;
  }

  void WaitForSignal() {
    signals_.async_wait([this](error_code error, int number) {
      if (error) return;
      if (number == SIGHUP) {
        options_.on_hangup();
        return WaitForSignal();
      }
      LogInfo("signal {}: {}", number,
              draining() ? "closing all connections" : "finishing open requests; a second one stops at once");
      WaitForSignal();
      StopOnce();
    });
  }

  const HttpServerOptions options_;
  asio::io_context io_{1};
  asio::basic_socket_acceptor<stream_protocol> acceptor_{io_};
  SocketFile socket_file_;
  asio::steady_timer accept_retry_{io_};
  asio::steady_timer drain_deadline_{io_};
  asio::steady_timer tick_{io_};
  std::chrono::milliseconds tick_interval_{};
  std::function<void()> on_tick_;
  bool drained_ = false;
  asio::signal_set signals_{io_};
  int port_ = 0;
  int num_stops_ = 0;
  std::vector<char> read_scratch_ = std::vector<char>(kReadScratchBytes);
  HttpSessionContext context_;
  std::unordered_map<HttpSession*, std::shared_ptr<HttpSession>> sessions_;
  size_t num_refusals_ = 0;  // of these, the ones beyond the limit
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::Listen(HttpServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  try {
    RETURN_IF_ERROR(impl->Open());
  } catch (const std::exception& exception) {  // the reactor could not be set up
    return MakeError(ErrorCode::kIo, "cannot start the HTTP server: {}", exception.what());
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

int HttpServer::port() const {
  return impl_->port();
}
bool HttpServer::draining() const {
  return impl_->draining();
}
void HttpServer::Run(HttpHandler handler) {
  impl_->Run(std::move(handler));
}
void HttpServer::CatchSignals() {
  impl_->CatchSignals();
}
void HttpServer::Post(std::function<void()> task) {
  impl_->Post(std::move(task));
}
void HttpServer::Every(std::chrono::milliseconds interval, std::function<void()> task) {
  impl_->Every(interval, std::move(task));
}
void HttpServer::Stop() {
  impl_->Post([impl = impl_.get()] { impl->StopOnce(); });
}

}  // namespace tenfold::server
