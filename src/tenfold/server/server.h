// Server: the engine behind HTTP, with OpenAI's API. The public face of this folder.
//
// The engine needs its event sink first, and the handlers need the engine, so a program is built in this order:
//
//   auto server = Server::Create(options);            // listens already
//   auto engine = ... with sink **server ...;
//   (*server)->Attach(*engine);
//   (*server)->Run();                                 // until Stop or a signal
//   ... destroy the engine, then the server.
//
// Threads: Run is the I/O thread; OnEvents comes from the engine thread and only posts there; Stop may come from any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/engine/engine_api.h"
#include "tenfold/engine/request.h"
#include "tenfold/server/access_log.h"
#include "tenfold/server/api.h"
#include "tenfold/server/http_server.h"

namespace tenfold::server {

struct ServerOptions {
  HttpServerOptions http = {};
  ApiOptions api = {};
  std::vector<std::string> allowed_origins = {};  // as in cors.h
  std::string access_log = {};                    // a file, or "-" for standard output; empty: none
};

class Server final : public engine::EventSink {
 public:
  // Errors: kIo (the address is taken or not ours, the access log cannot be opened), kInvalidArgument (no model name, an
  // empty key, a bad origin).
  static Result<std::unique_ptr<Server>> Create(ServerOptions options);

  int port() const { return http_->port(); }

  // Once, before Run, on its thread. The engine must outlive Run. Signals are caught from here on.
  void Attach(engine::EngineApi& engine, const ModelDescription& model = {});
  void Run();
  // Open requests have `drain_timeout` to end, then they are cancelled; a second call cancels them at once.
  void Stop() { http_->Stop(); }

  void OnEvents(engine::EventBatch batch) override;

 private:
  Server(ApiOptions api_options, std::unique_ptr<AccessLog> access_log, std::unique_ptr<HttpServer> http);

  ApiOptions api_options_;
  std::unique_ptr<AccessLog> access_log_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<HttpServer> http_;  // destroyed before `api_`, which its connections refer to
};

}  // namespace tenfold::server
