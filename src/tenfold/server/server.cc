#include "tenfold/server/server.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::server {

Result<std::unique_ptr<Server>> Server::Create(ServerOptions options) {
  if (options.api.served_model_names.empty()) {
    return MakeError(ErrorCode::kInvalidArgument, "the server needs at least one model name");
  }
  const auto& keys = options.api.api_keys;
  if (std::find(keys.begin(), keys.end(), "") != keys.end()) {
    return MakeError(ErrorCode::kInvalidArgument, "an API key is empty, which would let everyone in");
  }
  ASSIGN_OR_RETURN(options.http.cors, CorsPolicy::Create(std::move(options.allowed_origins)));
  std::unique_ptr<AccessLog> access_log;
  if (!options.access_log.empty()) {
    ASSIGN_OR_RETURN(access_log, AccessLog::Open(std::move(options.access_log)));
    options.http.on_answered = [log = access_log.get()](const AnswerRecord& record) { log->Add(record); };
    options.http.on_hangup = [log = access_log.get()] { log->Reopen(); };
  }
  ASSIGN_OR_RETURN(auto http, HttpServer::Listen(std::move(options.http)));
  return std::unique_ptr<Server>(new Server(std::move(options.api), std::move(access_log), std::move(http)));
}

Server::Server(ApiOptions api_options, std::unique_ptr<AccessLog> access_log, std::unique_ptr<HttpServer> http)
    : api_options_(std::move(api_options)), access_log_(std::move(access_log)), http_(std::move(http)) {}

void Server::Attach(engine::EngineApi& engine, const ModelDescription& model) {
  CHECK(api_ == nullptr);
  api_options_.model = model;
  api_ =
      std::make_unique<Api>(api_options_, engine, [this](std::function<void()> task) { http_->Post(std::move(task)); });
  http_->CatchSignals();
  http_->Every(LoadMonitor::kTickInterval, [this] { api_->Tick(); });
}

void Server::Run() {
  CHECK(api_ != nullptr);
  http_->Run([this](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    api_->Handle(request, http_->draining(), std::move(writer));
  });
}

void Server::OnEvents(engine::EventBatch batch) {
  http_->Post([this, batch = std::move(batch), now = Answers::Clock::now()]() mutable {
    api_->answers().OnEvents(std::move(batch), now);
  });
}

}  // namespace tenfold::server
