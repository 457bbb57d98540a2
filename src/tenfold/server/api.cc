#include "tenfold/server/api.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "tenfold/base/json.h"
#include "tenfold/server/bad_words.h"
#include "tenfold/server/prompt_truncation.h"
#include "tenfold/server/state_json.h"
#include "tenfold/server/tokenize_request.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::server {
namespace {

enum class Action {
  kHealth,
  kVersion,
  kModels,
  kModel,
  kMetrics,
  kState,
  kTokenize,
  kDetokenize,
  kCompletions,
  kChat,
  kEmbeddings
};

struct Route {
  std::string_view path;  // with more behind it where it ends with a slash
  std::string_view method;
  Action action;
};

constexpr Route kRoutes[] = {
    {"/health", "GET", Action::kHealth},
    {"/version", "GET", Action::kVersion},
    {"/metrics", "GET", Action::kMetrics},
    {"/admin/state", "GET", Action::kState},
    {"/v1/models", "GET", Action::kModels},
    {"/v1/models/", "GET", Action::kModel},
    {"/tokenize", "POST", Action::kTokenize},
    {"/detokenize", "POST", Action::kDetokenize},
    {"/v1/completions", "POST", Action::kCompletions},
    {"/v1/chat/completions", "POST", Action::kChat},
    {"/v1/embeddings", "POST", Action::kEmbeddings},
};

const Route* FindRoute(std::string_view path) {
  const Route* route = std::find_if(std::begin(kRoutes), std::end(kRoutes), [&](const Route& candidate) {
    return candidate.path.ends_with('/') ? path.starts_with(candidate.path) : candidate.path == path;
  });
  return route == std::end(kRoutes) ? nullptr : route;
}

bool Allows(const Route& route, std::string_view method) {
  return method == route.method || (method == "HEAD" && route.method == "GET");
}

// To the engine, which takes none when the server stops.
bool GivesWork(Action action) {
  return action == Action::kCompletions || action == Action::kChat || action == Action::kEmbeddings;
}

HttpResponse WrongMethod(const Route& route) {
  HttpResponse response =
      ErrorResponse({405, fmt::format("{} takes {} requests", route.path, route.method), {}, "method_not_allowed"});
  response.headers.emplace_back("Allow", route.method == "GET" ? "GET, HEAD" : route.method);
  return response;
}

// What is not a byte in two hexadecimal digits stays as it is.
std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// Sampling's messages begin with the field that they are about.
ApiError BlameFirstWord(const Error& error) {
  ApiError blamed = FromError(error);
  blamed.param = error.message.substr(0, error.message.find(' '));
  return blamed;
}

void SendResult(ApiResult<HttpResponse> result, ResponseWriter& writer) {
  writer.Send(result ? *std::move(result) : ErrorResponse(result.error()));
}

// What an answer says of prompts' tokens is written for each choice: some 20 MB at most.
ApiStatus CheckPromptLogprobs(const GenerationRequest& request, const std::vector<std::vector<TokenId>>& prompts) {
  constexpr size_t kMost = 1 << 18;
  if (!request.sampling.num_prompt_logprobs) return {};
  size_t num_tokens = 0;
  for (const std::vector<TokenId>& prompt : prompts) num_tokens += prompt.size();
  const size_t count = num_tokens * static_cast<size_t>(request.num_returned) *
                       static_cast<size_t>(*request.sampling.num_prompt_logprobs + 1);
  if (count <= kMost) return {};
  return BadField(request.num_prompt_logprobs ? "prompt_logprobs" : "echo",
                  "would show {} log-probabilities of prompts in this answer, but may show at most {}", count, kMost);
}

// A web page may post text/plain, or bytes of no type, to any host without asking, but not JSON.
ApiStatus CheckContentType(const HttpRequest& request) {
  std::string type = request.content_type.substr(0, request.content_type.find_first_of("; "));
  std::transform(type.begin(), type.end(), type.begin(), [](char c) { return 'A' <= c && c <= 'Z' ? c | 0x20 : c; });
  if (type == "application/json" || (type.empty() && request.origin.empty())) return {};
  return tl::unexpected(ApiError{415, "the body must be JSON: send \"Content-Type: application/json\"", {}, {}});
}

}  // namespace

Api::Api(ApiOptions options, engine::EngineApi& engine, Post post)
    : options_(std::move(options)),
      keys_(options_.api_keys),
      engine_(engine),
      post_(std::move(post)),
      chat_encoder_(options_.chat, engine.tokenizer()),
      started_at_(std::time(nullptr)),
      metrics_(options_.served_model_names.front()),
      monitor_(engine, metrics_, options_.log_interval_s),
      answers_(engine, metrics_, monitor_, options_.request_timeout_s) {}

void Api::Tick() {
  const auto now = LoadMonitor::Clock::now();
  monitor_.Tick(now);
  answers_.Expire(now);
}

void Api::Handle(const HttpRequest& request, bool draining, std::shared_ptr<ResponseWriter> writer) {
  const Route* route = FindRoute(request.path);
  if (route == nullptr) {
    return writer->Send(ErrorResponse({404, "no such path: the API's endpoints begin with /v1/", {}, "not_found"}));
  }
  if (!Allows(*route, request.method)) return writer->Send(WrongMethod(*route));
  if (route->action == Action::kHealth) return writer->Send(Health(draining));
  if (const ApiStatus allowed = keys_.Check(request.authorization); !allowed) {
    return writer->Send(ErrorResponse(allowed.error()));
  }
  if (draining && GivesWork(route->action)) return writer->Send(ErrorResponse(ShuttingDown()));
  if (route->method == "POST") {
    if (const ApiStatus is_json = CheckContentType(request); !is_json) {
      return writer->Send(ErrorResponse(is_json.error()));
    }
  }
  switch (route->action) {
    case Action::kHealth:
      return;
    case Action::kVersion:
      return writer->Send(Version());
    case Action::kModels:
      return writer->Send(Models());
    case Action::kModel:
      return SendResult(Model(std::string_view(request.path).substr(route->path.size())), *writer);
    case Action::kMetrics:
      return writer->Send(RenderMetrics());
    case Action::kState:
      return SendState(std::move(writer));
    case Action::kTokenize:
      return SendResult(Tokenize(request), *writer);
    case Action::kDetokenize:
      return SendResult(Detokenize(request), *writer);
    case Action::kCompletions:
    case Action::kChat:
    case Action::kEmbeddings:
      break;
  }
  const Endpoint endpoint = route->action == Action::kChat ? Endpoint::kChat : Endpoint::kCompletions;
  const ApiStatus started =
      route->action == Action::kEmbeddings ? Embed(request, writer) : Generate(endpoint, request, writer);
  if (!started) writer->Send(ErrorResponse(started.error()));
}

HttpResponse Api::Health(bool draining) const {
  if (draining) return ErrorResponse(ShuttingDown());
  return {.body = R"({"status":"ok"})"};
}

HttpResponse Api::Version() const {
  return {.body = json::serialize(json::value{{"version", options_.version}})};
}

json::object Api::ModelObject(std::string_view name) const {
  return {{"id", name},
          {"object", "model"},
          {"created", started_at_},
          {"owned_by", "tenfold"},
          {"max_model_len", engine_.max_model_len()}};
}

HttpResponse Api::Models() const {
  json::array models;
  for (const std::string& name : options_.served_model_names) models.push_back(ModelObject(name));
  return {.body = json::serialize(json::value{{"object", "list"}, {"data", std::move(models)}})};
}

ApiResult<HttpResponse> Api::Model(std::string_view encoded_name) const {
  std::string name = tokenizer::RepairUtf8(PercentDecoded(encoded_name));
  if (name.empty()) return tl::unexpected(ApiError{404, "no such path: which model?", {}, "not_found"});
  RETURN_IF_REFUSED(CheckModel(name));
  return HttpResponse{.body = json::serialize(ModelObject(name))};
}

// The engine answers between two steps, on its own thread.
void Api::SendState(std::shared_ptr<ResponseWriter> writer) {
  engine_.InspectState([this, writer = std::move(writer)](engine::EngineState state) mutable {
    // Moved, so that this thread does not hold the writer when the other has answered.
    post_([this, writer = std::move(writer), state = std::move(state)] {
      writer->Send({.body = StateJson(state, engine_.options(), answers_, Answers::Clock::now())});
    });
  });
}

HttpResponse Api::RenderMetrics() {
  return {.body = metrics_.Render(engine_.Stats()), .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

ApiStatus Api::Generate(Endpoint endpoint, const HttpRequest& http_request, std::shared_ptr<ResponseWriter> writer) {
  ApiResult<GenerationRequest> request =
      ParseGenerationRequest(endpoint, http_request.body, options_.model.sampling_defaults);
  if (!request) return tl::unexpected(request.error());
  RETURN_IF_REFUSED(CheckModel(request->model));
  auto bad_words = EncodeBadWords(request->bad_words, engine_.tokenizer());
  if (!bad_words) return tl::unexpected(bad_words.error());
  request->sampling.bad_words = *std::move(bad_words);
  const int64_t vocab_size = static_cast<int64_t>(engine_.tokenizer().vocab_size());
  if (const Status valid = sampling::Validate(request->sampling, vocab_size); !valid) {
    return tl::unexpected(BlameFirstWord(valid.error()));
  }
  std::vector<std::vector<TokenId>> prompts;
  ChatAnswerFormat answer_format;
  if (endpoint == Endpoint::kCompletions) {
    prompts = EncodePrompts(request->prompts, /*add_special=*/true);
  } else {
    ApiResult<EncodedChat> chat = chat_encoder_.Encode(request->chat);
    if (!chat) return tl::unexpected(chat.error());
    answer_format = chat->answer_format;
    answer_format.one_tool_call = request->one_tool_call;
    if (chat->wants_special_tokens) {
      if (request->skip_special_tokens.value_or(false)) {
        return BadField("skip_special_tokens",
                        "cannot be true here: this model marks reasoning or calls of tools with "
                        "control tokens, which have to be read");
      }
      request->sampling.skip_special_tokens = false;
    }
    const bool has_room = request->sampling.stop.size() < sampling::kMaxStopStrings;
    if (chat->stop_string && has_room && !request->sampling.include_stop_str_in_output) {
      request->own_stop_string = *chat->stop_string;
      request->sampling.stop.push_back(*chat->stop_string);
    }
    prompts.push_back(std::move(chat->prompt));
  }
  if (request->truncate_prompt_tokens) {
    // Without a limit to the output, the context leaves room for a first token.
    const int64_t num_output_tokens = request->sampling.max_tokens.value_or(1);
    RETURN_IF_REFUSED(
        TruncatePrompts(*request->truncate_prompt_tokens, num_output_tokens, engine_.max_model_len(), prompts));
  }
  RETURN_IF_REFUSED(CheckPromptLogprobs(*request, prompts));
  answers_.Start(*request, std::move(prompts), answer_format, std::move(writer));
  return {};
}

ApiStatus Api::Embed(const HttpRequest& http_request, std::shared_ptr<ResponseWriter> writer) {
  ApiResult<EmbeddingRequest> request = ParseEmbeddingRequest(http_request.body, options_.model.embedding_sizes);
  if (!request) return tl::unexpected(request.error());
  RETURN_IF_REFUSED(CheckModel(request->model));
  std::vector<std::vector<TokenId>> prompts = EncodePrompts(request->inputs, request->add_special_tokens);
  if (request->truncate_prompt_tokens) {
    RETURN_IF_REFUSED(
        TruncatePrompts(*request->truncate_prompt_tokens, /*num_output_tokens=*/0, engine_.max_model_len(), prompts));
  }
  answers_.StartEmbeddings(*request, std::move(prompts), options_.model.pooling, std::move(writer));
  return {};
}

ApiResult<HttpResponse> Api::Tokenize(const HttpRequest& http_request) const {
  ApiResult<TokenizeRequest> request = ParseTokenizeRequest(http_request.body);
  if (!request) return tl::unexpected(request.error());
  RETURN_IF_REFUSED(CheckModel(request->model));
  const tokenizer::Tokenizer& tokenizer = engine_.tokenizer();
  std::vector<TokenId> ids;
  if (const auto* chat = std::get_if<ChatPrompt>(&request->prompt)) {
    ApiResult<EncodedChat> encoded = chat_encoder_.Encode(*chat);
    if (!encoded) return tl::unexpected(encoded.error());
    ids = std::move(encoded->prompt);
  } else {
    ids = tokenizer.Encode(std::get<std::string>(request->prompt),
                           {.add_special = request->add_special_tokens, .parse_special = true});
  }
  json::value texts;
  if (request->return_token_strs) {
    json::array& array = texts.emplace_array();
    for (const TokenId id : ids) array.emplace_back(tokenizer::RepairUtf8(tokenizer.TokenText(id)));
  }
  return HttpResponse{.body = json::serialize(json::value{{"count", ids.size()},
                                                          {"max_model_len", engine_.max_model_len()},
                                                          {"tokens", json::array(ids.begin(), ids.end())},
                                                          {"token_strs", std::move(texts)}})};
}

ApiResult<HttpResponse> Api::Detokenize(const HttpRequest& http_request) const {
  ApiResult<DetokenizeRequest> request = ParseDetokenizeRequest(http_request.body);
  if (!request) return tl::unexpected(request.error());
  RETURN_IF_REFUSED(CheckModel(request->model));
  const tokenizer::Tokenizer& tokenizer = engine_.tokenizer();
  for (const TokenId id : request->tokens) {
    if (id < 0 || static_cast<size_t>(id) >= tokenizer.vocab_size()) {
      return BadField("tokens", "has {}, which is not in the vocabulary of {} tokens", id, tokenizer.vocab_size());
    }
  }
  return HttpResponse{
      .body = json::serialize(json::value{{"prompt", tokenizer.Decode(request->tokens, {.skip_special = false})}})};
}

ApiStatus Api::CheckModel(std::string& model) const {
  const auto& names = options_.served_model_names;
  if (model.empty()) model = names.front();
  if (std::find(names.begin(), names.end(), model) != names.end()) return {};
  return tl::unexpected(ApiError{
      404, fmt::format("the model \"{}\" does not exist here; there is \"{}\"", model, fmt::join(names, "\", \"")),
      "model", "model_not_found"});
}

std::vector<std::vector<TokenId>> Api::EncodePrompts(const std::vector<PromptInput>& inputs, bool add_special) const {
  std::vector<std::vector<TokenId>> prompts;
  for (const PromptInput& input : inputs) {
    if (const auto* ids = std::get_if<std::vector<TokenId>>(&input)) {
      prompts.push_back(*ids);
    } else {
      // As vLLM does: whoever writes a whole prompt may write its control tokens.
      prompts.push_back(engine_.tokenizer().Encode(std::get<std::string>(input),
                                                   {.add_special = add_special, .parse_special = true}));
    }
  }
  return prompts;
}

}  // namespace tenfold::server
