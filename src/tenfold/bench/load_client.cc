#include "tenfold/bench/load_client.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>
#include <span>
#include <utility>

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <fmt/format.h>

#include "tenfold/base/json.h"
#include "tenfold/bench/answer_reader.h"

namespace tenfold::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::awaitable;
using Clock = std::chrono::steady_clock;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kConnectTimeout{10};
constexpr std::chrono::milliseconds kProgressInterval{500};
constexpr size_t kMaxErrorBytes = 300;  // of a refusal, shown to the user

Clock::duration Seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

// A word for each token: about as many tokens again for most vocabularies.
std::string TextOf(std::span<const TokenId> tokens) {
  constexpr std::string_view kWords[] = {"the", "of", "and", "to",   "in", "is",  "that", "for",
                                         "it",  "as", "was", "with", "be", "by",  "on",   "not",
                                         "he",  "at", "but", "are",  "or", "his", "have", "this"};
  std::string text;
  for (const TokenId token : tokens) {
    if (!text.empty()) text += ' ';
    text += kWords[static_cast<size_t>(token) % std::size(kWords)];
  }
  return text;
}

std::string Broken(const boost::system::error_code& error) {
  return fmt::format("the connection broke: {}", error.message());
}

class LoadRunner {
 public:
  LoadRunner(const LoadOptions& options, const std::vector<Conversation>& plan,
             const std::function<void(const LoadProgress&)>& on_progress)
      : options_(options), plan_(plan), on_progress_(on_progress), signals_(io_, SIGINT), model_(options.model) {
    for (const Conversation& conversation : plan) {
      progress_.num_requests += static_cast<int64_t>(conversation.turns.size());
    }
  }

  Result<LoadRun> Run() {
    RETURN_IF_ERROR(FindModel());
    start_ = Clock::now();
    signals_.async_wait([this](boost::system::error_code error, int) {
      run_.interrupted = !error;
      io_.stop();
    });
    asio::co_spawn(io_, ReportProgress(), asio::detached);
    const size_t bound = options_.max_concurrency > 0 ? static_cast<size_t>(options_.max_concurrency) : plan_.size();
    num_clients_ = std::min(bound, plan_.size());
    for (size_t i = num_clients_; i > 0; --i) asio::co_spawn(io_, RunClient(), asio::detached);
    io_.run();
    run_.duration_s = Now();
    return std::move(run_);
  }

 private:
  double Now() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  // Asks for the model's name where it was not given; the server must answer in any case.
  Status FindModel() {
    std::string body, error;
    asio::co_spawn(io_, Get("/v1/models", body, error), asio::detached);
    io_.run();
    io_.restart();
    if (!error.empty()) {
      return MakeError(ErrorCode::kUnavailable, "no answer from http://{}:{}{}/v1/models: {}; is the server running?",
                       options_.url.host, options_.url.port, options_.url.base, error);
    }
    if (!model_.empty()) return {};
    boost::system::error_code ignored;
    const Result<json::value> models = ParseJson(body, "the answer to /v1/models");
    const json::value* id = models ? models->find_pointer("/data/0/id", ignored) : nullptr;
    if (id == nullptr || !id->is_string()) {
      return MakeError(ErrorCode::kUnavailable, "/v1/models names no model: say which one with --model");
    }
    model_ = id->get_string();
    return {};
  }

  template <class Body>
  http::request<Body> NewRequest(http::verb verb, std::string_view path) const {
    http::request<Body> request(verb, options_.url.base + std::string(path), 11);
    request.set(http::field::host, options_.url.host + ":" + options_.url.port);
    request.set(http::field::user_agent, "tenfold-bench");
    if (!options_.api_key.empty()) request.set(http::field::authorization, "Bearer " + options_.api_key);
    for (const auto& [name, value] : options_.headers) request.set(name, value);
    return request;
  }

  // These coroutines return why they failed, or nothing.
  awaitable<std::string> Connect(beast::tcp_stream& stream) {
    asio::ip::tcp::resolver resolver(io_);
    const auto [resolve_error, endpoints] =
        co_await resolver.async_resolve(options_.url.host, options_.url.port, kAwait);
    if (resolve_error) co_return resolve_error.message();
    stream.expires_after(kConnectTimeout);
    const auto [connect_error, endpoint] = co_await stream.async_connect(endpoints, kAwait);
    if (connect_error) co_return connect_error.message();
    boost::system::error_code ignored;
    stream.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    co_return std::string();
  }

  awaitable<void> Get(std::string_view path, std::string& body, std::string& error) {
    beast::tcp_stream stream(io_);
    error = co_await Connect(stream);
    if (!error.empty()) co_return;
    const auto request = NewRequest<http::empty_body>(http::verb::get, path);
    http::response<http::string_body> response;
    beast::flat_buffer buffer;
    auto [failed, size] = co_await http::async_write(stream, request, kAwait);
    if (!failed) std::tie(failed, size) = co_await http::async_read(stream, buffer, response, kAwait);
    if (failed) {
      error = failed.message();
    } else if (response.result() != http::status::ok) {
      error = fmt::format("HTTP {}: {}", response.result_int(), response.body().substr(0, kMaxErrorBytes));
    }
    body = response.body();
  }

  // Takes conversations in order of arrival until none is left.
  awaitable<void> RunClient() {
    while (next_conversation_ < plan_.size()) {
      const Conversation& conversation = plan_[next_conversation_++];
      asio::steady_timer arrival(io_, start_ + Seconds(conversation.arrival_s));
      co_await arrival.async_wait(kAwait);
      std::vector<TokenId> said;
      for (const Turn& turn : conversation.turns) {
        said.insert(said.end(), turn.new_tokens.begin(), turn.new_tokens.end());
        std::vector<TokenId> answer;
        run_.outcomes.push_back(co_await Ask(said, turn.num_output_tokens, conversation.turns.size() > 1, answer));
        ++(run_.outcomes.back().error.empty() ? progress_.num_completed : progress_.num_failed);
        // Where the server does not say which tokens it gave, others stand for them.
        answer.resize(static_cast<size_t>(turn.num_output_tokens), said.back());
        said.insert(said.end(), answer.begin(), answer.end());
      }
    }
    if (--num_clients_ == 0) io_.stop();
  }

  awaitable<LoadOutcome> Ask(const std::vector<TokenId>& prompt, int64_t num_output_tokens, bool wants_tokens,
                             std::vector<TokenId>& answer) {
    const double start_s = Now();
    run_.max_running = std::max(run_.max_running, ++progress_.num_running);
    AnswerReader reader;
    std::string error = co_await Stream(BodyOf(prompt, num_output_tokens, wants_tokens), start_s, reader);
    --progress_.num_running;
    answer = reader.tokens();
    co_return LoadOutcome{.start_s = start_s,
                          .first_text_s = reader.first_text_s(),
                          .end_s = Now(),
                          .gaps_s = reader.gaps_s(),
                          .num_prompt_tokens = reader.num_prompt_tokens() < 0 ? static_cast<int64_t>(prompt.size())
                                                                              : reader.num_prompt_tokens(),
                          .num_cached_tokens = reader.num_cached_tokens(),
                          .num_output_tokens = reader.num_output_tokens(),
                          .error = std::move(error)};
  }

  std::string BodyOf(const std::vector<TokenId>& prompt, int64_t num_output_tokens, bool wants_tokens) const {
    json::object body;
    body["model"] = model_;
    if (options_.chat) {
      body["messages"] = json::array{{{"role", "user"}, {"content", TextOf(prompt)}}};
    } else {
      body["prompt"] = json::value_from(prompt);
    }
    body["max_tokens"] = num_output_tokens;
    body["temperature"] = 0;
    body["ignore_eos"] = true;
    body["stream"] = true;
    body["stream_options"] = {{"include_usage", true}};
    if (wants_tokens) body["return_token_ids"] = true;
    return json::serialize(body);
  }

  // Sends the request and reads the whole answer.
  awaitable<std::string> Stream(std::string body, double start_s, AnswerReader& reader) {
    beast::tcp_stream stream(io_);
    if (std::string error = co_await Connect(stream); !error.empty()) co_return error;
    stream.expires_after(Seconds(options_.request_timeout_s));
    auto request =
        NewRequest<http::string_body>(http::verb::post, options_.chat ? "/v1/chat/completions" : "/v1/completions");
    request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    request.prepare_payload();
    beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    auto [failed, size] = co_await http::async_write(stream, request, kAwait);
    if (!failed) std::tie(failed, size) = co_await http::async_read_header(stream, buffer, parser, kAwait);
    if (failed) co_return Broken(failed);
    const bool is_ok = parser.get().result() == http::status::ok;
    std::string refusal;  // the body of an answer that is no stream
    std::vector<char> bytes(16 << 10);
    // Some servers keep the body open behind its last event.
    while (!parser.is_done() && !reader.is_complete()) {
      parser.get().body().data = bytes.data();
      parser.get().body().size = bytes.size();
      std::tie(failed, size) = co_await http::async_read_some(stream, buffer, parser, kAwait);
      if (failed && failed != http::error::need_buffer) co_return Broken(failed);
      const std::string_view read(bytes.data(), bytes.size() - parser.get().body().size);
      if (!is_ok) {
        refusal += read;
        continue;
      }
      const int64_t num_chunks = reader.num_chunks();
      if (std::string error = reader.Feed(read, Now()); !error.empty()) co_return error;
      progress_.num_output_chunks += reader.num_chunks() - num_chunks;
      if (num_chunks == 0 && reader.num_chunks() > 0) {
        ++progress_.num_first_chunks;
        progress_.sum_first_chunk_s += reader.first_text_s() - start_s;
      }
    }
    if (!is_ok) co_return fmt::format("HTTP {}: {}", parser.get().result_int(), refusal.substr(0, kMaxErrorBytes));
    if (!reader.is_complete()) co_return "the stream ended before its end was announced";
    co_return reader.has_text() ? std::string() : "the answer has no text";
  }

  awaitable<void> ReportProgress() {
    asio::steady_timer timer(io_);
    while (true) {
      progress_.elapsed_s = Now();
      on_progress_(progress_);
      timer.expires_after(kProgressInterval);
      co_await timer.async_wait(kAwait);
    }
  }

  const LoadOptions& options_;
  const std::vector<Conversation>& plan_;
  const std::function<void(const LoadProgress&)>& on_progress_;
  asio::io_context io_;
  asio::signal_set signals_;
  std::string model_;
  Clock::time_point start_;
  size_t next_conversation_ = 0;
  size_t num_clients_ = 0;
  LoadProgress progress_;
  LoadRun run_;
};

}  // namespace

Result<ServerUrl> ParseServerUrl(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  std::string_view rest = url;
  if (rest.starts_with(kScheme)) {
    rest.remove_prefix(kScheme.size());
  } else if (rest.find("://") != std::string_view::npos) {
    return MakeError(ErrorCode::kInvalidArgument, "{}: only http:// is spoken here", url);
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  ServerUrl parsed{.host = std::string(rest.substr(0, slash)), .port = "80", .base = std::string(rest.substr(slash))};
  while (parsed.base.ends_with('/')) parsed.base.pop_back();
  if (parsed.base.ends_with("/v1")) parsed.base.resize(parsed.base.size() - 3);  // as OpenAI's clients want it
  const size_t colon = parsed.host.rfind(':');
  if (colon != std::string::npos && parsed.host.find(']', colon) == std::string::npos) {
    parsed.port = parsed.host.substr(colon + 1);
    parsed.host.resize(colon);
  }
  if (parsed.host.starts_with('[') && parsed.host.ends_with(']')) {
    parsed.host = parsed.host.substr(1, parsed.host.size() - 2);  // an IPv6 address
  }
  const bool has_port = !parsed.port.empty() && parsed.port.find_first_not_of("0123456789") == std::string::npos;
  if (parsed.host.empty() || !has_port) {
    return MakeError(ErrorCode::kInvalidArgument, "{}: not a URL such as http://127.0.0.1:8000", url);
  }
  return parsed;
}

Result<std::pair<std::string, std::string>> ParseHeader(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const auto is_token = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_'; };
  if (equals == std::string_view::npos || name.empty() || !std::all_of(name.begin(), name.end(), is_token) ||
      text.find_first_of("\r\n") != std::string_view::npos) {
    return MakeError(ErrorCode::kInvalidArgument, "\"{}\" is no header such as X-Team=tenfold", text);
  }
  return std::pair(std::string(name), std::string(text.substr(equals + 1)));
}

Result<LoadRun> RunLoad(const LoadOptions& options, const std::vector<Conversation>& plan,
                        const std::function<void(const LoadProgress&)>& on_progress) {
  return LoadRunner(options, plan, on_progress).Run();
}

}  // namespace tenfold::bench
