// tenfold serve: the model behind an HTTP server with OpenAI's API.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/base/byte_count.h"
#include "tenfold/base/logging.h"
#include "tenfold/base/print.h"
#include "tenfold/cli/api_key_file.h"
#include "tenfold/cli/chat_template_option.h"
#include "tenfold/cli/commands.h"
#include "tenfold/cli/generation_config_option.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/model_source.h"
#include "tenfold/cli/options.h"
#include "tenfold/cli/size.h"
#include "tenfold/cli/startup_report.h"
#include "tenfold/engine/engine.h"
#include "tenfold/engine/step_budget.h"
#include "tenfold/platform/file_limit.h"
#include "tenfold/server/server.h"

namespace tenfold::cli {
namespace {

constexpr std::string_view kByTemplate = "auto";

struct ServeFlags {
  std::string model;
  ComputeOptions compute;
  engine::EngineOptions engine;
  server::ServerOptions server;
  std::string api_key_file;
  std::string chat_template;  // a file; empty: the model's own
  std::string generation_config = kGenerationConfigOfModel;
  std::string tool_calls = std::string(kByTemplate);
  std::string reasoning = std::string(kByTemplate);
  engine::Pooling pooling = engine::Pooling::kLast;
  double tbt_target_ms = 0;  // 0: the budget is given
};

// Libraries, the model's files, standard streams; and connections that are being told that there is no place.
constexpr size_t kFilesBesideConnections = 64 + 256;

constexpr const char* kConnectionGroup = "Connections";

// Where clients find it.
std::string BaseUrl(const server::HttpServerOptions& http, int port) {
  if (!http.unix_socket.empty()) return "unix:" + http.unix_socket;
  const bool is_ipv6 = http.host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("http://[{}]:{}/v1", http.host, port) : fmt::format("http://{}:{}/v1", http.host, port);
}

// Where fewer connections can be open than were asked for, those beyond should be told so and not wait unheard.
void FitIntoOpenFiles(size_t& max_connections) {
  const size_t num_files = platform::RaiseOpenFileLimit();
  const size_t most = std::max(num_files, kFilesBesideConnections + 1) - kFilesBesideConnections;
  if (max_connections <= most) return;
  LogWarning("{} files may be open at once (see `ulimit -n`): {} connections are served instead of {}", num_files, most,
             max_connections);
  max_connections = most;
}

Status RunServe(ServeFlags& flags) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader of our messages that went away must not end the server
  if (flags.server.api.served_model_names.empty()) flags.server.api.served_model_names = {ModelName(flags.model)};
  flags.server.api.version = TENFOLD_VERSION;
  flags.server.http.handle_signals = true;
  FitIntoOpenFiles(flags.server.http.limits.max_connections);
  if (!flags.api_key_file.empty()) {
    ASSIGN_OR_RETURN(const auto keys, ReadApiKeys(flags.api_key_file));
    flags.server.api.api_keys.insert(flags.server.api.api_keys.end(), keys.begin(), keys.end());
  }
  ASSIGN_OR_RETURN(flags.server.api.chat.chat_template, ReadChatTemplate(flags.chat_template));
  flags.server.api.chat.tool_calls = server::ToolCallFormatOf(flags.tool_calls);  // none of that name: auto
  flags.server.api.chat.splits_reasoning = flags.reasoning == kByTemplate;
  // Listens first: a port that is taken should be known before a large model is loaded.
  ASSIGN_OR_RETURN(const auto server, server::Server::Create(flags.server));
  ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(flags.model, flags.compute));
  ASSIGN_OR_RETURN(const sampling::SamplingDefaults defaults,
                   ChooseSamplingDefaults(flags.generation_config, *loaded.model));
  if (flags.tbt_target_ms > 0) {
    ASSIGN_OR_RETURN(flags.engine.max_num_batched_tokens,
                     engine::MeasureStepBudget(flags.engine, flags.tbt_target_ms / 1000, *loaded.model, *loaded.kernels,
                                               *loaded.threads));
  }
  ASSIGN_OR_RETURN(const auto engine,
                   engine::Engine::Create(flags.engine, *loaded.model, *loaded.kernels, *loaded.threads, *server));
  const model::ModelConfig& config = loaded.model->config();
  server->Attach(*engine, {.sampling_defaults = defaults,
                           .embedding_sizes = {.size = config.hidden_size,
                                               .is_matryoshka = config.is_matryoshka,
                                               .dimensions = config.matryoshka_dimensions},
                           .pooling = flags.pooling});
  Print(stderr, "{}{:<13}{}\n{:<13}{} as \"{}\"\n", StartupReport(loaded, flags.engine, *engine), "defaults",
        defaults.ToString(), "serving", BaseUrl(flags.server.http, server->port()),
        flags.server.api.served_model_names.front());
  server->Run();
  return {};
}

void AddSeconds(CLI::App& command, const std::string& name, std::chrono::milliseconds& time,
                const std::string& description) {
  command
      .add_option_function<double>(
          name, [&time](double seconds) { time = std::chrono::milliseconds(std::llround(seconds * 1000)); },
          description)
      ->group(kConnectionGroup)
      ->type_name("SECONDS")
      ->default_str(fmt::format("{}", static_cast<double>(time.count()) / 1000))
      ->check(CLI::Range(0.001, 86400.0).description(""));
}

void AddConnectionOptions(CLI::App& command, server::ServerOptions& options) {
  server::HttpLimits& limits = options.http.limits;
  command
      .add_option("--allowed-origin", options.allowed_origins,
                  "Web pages of this origin (https://chat.example) may use the server; several times for several, * = "
                  "all")
      ->group(kConnectionGroup)
      ->type_name("ORIGIN")
      ->allow_extra_args(false);
  command
      .add_option("--access-log", options.access_log,
                  "Write a line of JSON here for each answered request; - = standard output. SIGHUP opens it anew")
      ->group(kConnectionGroup)
      ->type_name("FILE");
  command
      .add_option("--max-connections", limits.max_connections,
                  "Connections open at once; who comes beyond is told to come back later (503)")
      ->group(kConnectionGroup)
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20).description(""));
  AddSize(command, "--max-body-bytes", limits.max_body_bytes, "Longest body of a request (413)");
  command.get_option("--max-body-bytes")->group(kConnectionGroup)->default_str(FormatSize(limits.max_body_bytes));
  AddSeconds(command, "--idle-timeout", limits.idle_timeout, "A connection without a request for so long is closed");
  AddSeconds(command, "--drain-timeout", limits.drain_timeout,
             "Time that open requests have to end after SIGINT or SIGTERM; a second signal ends them at once");
}

}  // namespace

Command AddServe(CLI::App& program) {
  CLI::App* command =
      program.add_subcommand("serve", "Serve a model over HTTP with OpenAI's API, until SIGINT or SIGTERM");
  auto flags = std::make_shared<ServeFlags>();
  flags->server.api.served_model_names.clear();
  flags->server.api.log_interval_s = 5;
  AddModelPath(*command, flags->model);
  CLI::Option* host =
      command->add_option("--host", flags->server.http.host, "Address to listen on; 0.0.0.0 = all of this machine's")
          ->type_name("HOST");
  CLI::Option* port = command->add_option("--port", flags->server.http.port, "Port to listen on; 0 = any that is free")
                          ->type_name("PORT")
                          ->check(CLI::Range(0, 65535).description(""));
  command
      ->add_option("--uds", flags->server.http.unix_socket,
                   "Listen on a Unix socket with this path instead; umask says who may connect")
      ->type_name("PATH")
      ->excludes(host)
      ->excludes(port);
  command
      ->add_option("--api-key", flags->server.api.api_keys,
                   "Answer only requests with this key; can be given several times")
      ->type_name("KEY")
      ->allow_extra_args(false);
  command
      ->add_option("--api-key-file", flags->api_key_file,
                   "File with further keys, one a line; lines that begin with # are comments")
      ->type_name("FILE");
  command
      ->add_option("--served-model-name", flags->server.api.served_model_names,
                   "Name of the model in requests and answers, several times for several names (default: that of the "
                   "file or folder; org/repo for hf:org/repo)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--request-timeout", flags->server.api.request_timeout_s,
          "Requests that take longer are ended with an error, unless they bring a request_timeout of their own; 0 "
          "= never")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, server::kMaxTimeoutS).description(""));
  command
      ->add_option("--max-waiting-requests", flags->engine.max_waiting_requests,
                   "Requests that may wait for a place in the batch; who comes when all are taken is told to come back "
                   "later (429)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20).description(""));
  command
      ->add_option("--log-stats-interval", flags->server.api.log_interval_s,
                   "Seconds between lines about the load in the log; none is written when nothing happened; 0 = never")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 86400.0).description(""));
  AddConnectionOptions(*command, flags->server);
  AddChatTemplateOption(*command, flags->chat_template);
  AddGenerationConfigOption(*command, flags->generation_config);
  const std::map<std::string, engine::Pooling> poolings = {{"last", engine::Pooling::kLast},
                                                           {"mean", engine::Pooling::kMean}};
  command
      ->add_option("--pooling", flags->pooling,
                   "What /v1/embeddings makes of a text: the model's state after its last token, or the mean of all")
      ->type_name("last|mean")
      ->default_str("last")
      ->transform(CLI::Transformer(poolings).description(""));
  std::vector<std::string> formats{std::string(kByTemplate)};
  formats.insert(formats.end(), server::kToolCallFormatNames.begin(), server::kToolCallFormatNames.end());
  command
      ->add_option("--tool-call-parser", flags->tool_calls,
                   "Format in which the model calls tools: that of its chat template (auto), hermes (Qwen, too), "
                   "llama3_json, mistral, or none, so that calls stay text")
      ->type_name("NAME")
      ->check(CLI::IsMember(formats).description(""));
  command
      ->add_option("--reasoning-parser", flags->reasoning,
                   "Where the chat template has tags for reasoning, take it out of answers into reasoning_content "
                   "(auto), or leave it in (none)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"auto", "none"}).description(""));
  AddComputeOptions(*command, flags->compute);
  AddEngineOptions(*command, flags->engine);
  command
      ->add_option("--tbt-target", flags->tbt_target_ms,
                   "Milliseconds that may pass between two tokens of an answer while prompts are computed: sets "
                   "--max-num-batched-tokens to what a step of that time holds, measured at start")
      ->type_name("MS")
      ->excludes("--max-num-batched-tokens")
      ->check(CLI::Range(0.001, 1e6).description(""));
  return {command, [flags] { return RunServe(*flags); }};
}

}  // namespace tenfold::cli
