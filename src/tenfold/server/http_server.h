// HttpServer: listens, accepts, and runs every connection on one I/O thread, the one that calls Run.
//
// Post and Stop may be called from any thread; all else, handlers included, belongs to the I/O thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "tenfold/base/result.h"
#include "tenfold/server/cors.h"
#include "tenfold/server/http.h"

namespace tenfold::server {

struct HttpServerOptions {
  std::string host = "127.0.0.1";  // a numeric address or a name
  int port = 8000;                 // 0 picks a free one
  // When set, the path of a Unix socket to listen on instead. The process's umask says who may connect: with the usual
  // 022 only its own user. A socket that nobody listens on any more is replaced, and ours is removed when we stop.
  std::string unix_socket = {};
  HttpLimits limits = {};
  CorsPolicy cors = {};
  std::function<void(const AnswerRecord&)> on_answered = {};  // after each answer, or none
  // From CatchSignals on SIGINT and SIGTERM stop the server: the first lets open requests finish, the second does not.
  // SIGHUP calls `on_hangup`, where there is one.
  bool handle_signals = false;
  std::function<void()> on_hangup = {};
};

class HttpServer {
 public:
  // Listens at once, so that a port in use is known before a model is loaded; answers from Run on.
  static Result<std::unique_ptr<HttpServer>> Listen(HttpServerOptions options);
  ~HttpServer();

  int port() const;  // 0 with a Unix socket
  // True from Stop on, on the I/O thread.
  bool draining() const;

  // Takes the signals that the options name; those that come before Run are obeyed by it. Until then they end the
  // program, so that a long start can be interrupted. Once, on the thread of Run.
  void CatchSignals();
  // Serves until stopped and all connections are closed. Once only.
  void Run(HttpHandler handler);
  // Runs `task` on the I/O thread, in the order of the posts. Dropped when Run has returned.
  void Post(std::function<void()> task);
  // Runs `task` on the I/O thread again and again while the server runs, `interval` after it returned. Before Run,
  // once.
  void Every(std::chrono::milliseconds interval, std::function<void()> task);
  // Stops listening; idle connections close, open requests have `drain_timeout` to end, then they are cut off. A second
  // call cuts them off at once.
  void Stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tenfold::server
