// Api: the endpoints. Takes one HTTP request, checks who asks and what for, and answers or starts a generation.
//
// Lives on the I/O thread. Text is tokenized there too, so that other connections wait while a long prompt is encoded.
#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/engine/engine_api.h"
#include "tenfold/server/answers.h"
#include "tenfold/server/api_error.h"
#include "tenfold/server/api_keys.h"
#include "tenfold/server/chat_encoder.h"
#include "tenfold/server/http.h"
#include "tenfold/server/load_monitor.h"
#include "tenfold/server/metrics.h"
#include "tenfold/server/model_description.h"
#include "tenfold/server/openai_request.h"

namespace tenfold::server {

struct ApiOptions {
  // With any, all but /health needs "Authorization: Bearer KEY" with one of them.
  std::vector<std::string> api_keys;
  // Names that requests may ask for, at least one. The first is the model's id where none was asked for.
  std::vector<std::string> served_model_names = {"default"};
  std::string version = "0.1.0";
  ModelDescription model;
  double request_timeout_s = 0;  // for requests that bring none; 0 = they may take as long as they like
  double log_interval_s = 0;     // between lines about the load; 0 = none
  ChatEncoderOptions chat;
};

class Api {
 public:
  // `post` runs a task on the I/O thread; any thread may call it.
  using Post = std::function<void(std::function<void()>)>;
  Api(ApiOptions options, engine::EngineApi& engine, Post post);

  // `draining`: the server stops, and takes no new work.
  void Handle(const HttpRequest& request, bool draining, std::shared_ptr<ResponseWriter> writer);

  Answers& answers() { return answers_; }

  // Deadlines, and the log's line about the load; every LoadMonitor::kTickInterval.
  void Tick();

 private:
  HttpResponse Health(bool draining) const;
  HttpResponse Version() const;
  json::object ModelObject(std::string_view name) const;
  HttpResponse Models() const;
  ApiResult<HttpResponse> Model(std::string_view encoded_name) const;
  HttpResponse RenderMetrics();
  void SendState(std::shared_ptr<ResponseWriter> writer);
  // Answers through `writer` in its own time unless it returns an error.
  ApiStatus Generate(Endpoint endpoint, const HttpRequest& request, std::shared_ptr<ResponseWriter> writer);

  ApiStatus Embed(const HttpRequest& request, std::shared_ptr<ResponseWriter> writer);

  // Answer or refuse at once.
  ApiResult<HttpResponse> Tokenize(const HttpRequest& request) const;
  ApiResult<HttpResponse> Detokenize(const HttpRequest& request) const;

  // Puts the server's own in place of no name.
  ApiStatus CheckModel(std::string& model) const;
  std::vector<std::vector<TokenId>> EncodePrompts(const std::vector<PromptInput>& inputs, bool add_special) const;

  const ApiOptions options_;
  const ApiKeys keys_;
  engine::EngineApi& engine_;
  const Post post_;
  const ChatEncoder chat_encoder_;
  const int64_t started_at_;
  Metrics metrics_;
  LoadMonitor monitor_;
  Answers answers_;
};

}  // namespace tenfold::server
