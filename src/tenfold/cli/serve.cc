// tenfold serve: the model behind an HTTP server with OpenAI's API.
#include <cstdio>
#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/base/logging.h"
#include "tenfold/cli/chat_template_option.h"
#include "tenfold/cli/commands.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/model_source.h"
#include "tenfold/cli/options.h"
#include "tenfold/cli/startup_report.h"
#include "tenfold/engine/engine.h"
#include "tenfold/engine/step_budget.h"
#include "tenfold/platform/file_limit.h"
#include "tenfold/server/server.h"

namespace tenfold::cli {
namespace {

struct ServeFlags {
  std::string model;
  ComputeOptions compute;
  engine::EngineOptions engine;
  server::ServerOptions server;
  std::string chat_template;  // a file; empty: the model's own
  double tbt_target_ms = 0;   // 0: the budget is given
};

// Libraries, the model's files, standard streams.
constexpr size_t kFilesBesideConnections = 64;

std::string Url(const std::string& host, int port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("http://[{}]:{}", host, port) : fmt::format("http://{}:{}", host, port);
}

Status RunServe(ServeFlags& flags) {
  if (flags.server.api.served_model_names.empty()) flags.server.api.served_model_names = {ModelName(flags.model)};
  flags.server.api.version = TENFOLD_VERSION;
  flags.server.http.handle_signals = true;
  const size_t num_files = platform::RaiseOpenFileLimit();
  if (num_files < flags.server.http.limits.max_connections + kFilesBesideConnections) {
    LogWarning("{} files may be open at once, fewer than the {} connections that are served: see `ulimit -n`",
               num_files, flags.server.http.limits.max_connections);
  }
  ASSIGN_OR_RETURN(flags.server.api.chat_template, ReadChatTemplate(flags.chat_template));
  // Listens first: a port that is taken should be known before a large model is loaded.
  ASSIGN_OR_RETURN(const auto server, server::Server::Create(flags.server));
  ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(flags.model, flags.compute));
  if (flags.tbt_target_ms > 0) {
    ASSIGN_OR_RETURN(flags.engine.max_num_batched_tokens,
                     engine::MeasureStepBudget(flags.engine, flags.tbt_target_ms / 1000, *loaded.model, *loaded.kernels,
                                               *loaded.threads));
  }
  ASSIGN_OR_RETURN(const auto engine,
                   engine::Engine::Create(flags.engine, *loaded.model, *loaded.kernels, *loaded.threads, *server));
  server->Attach(*engine);
  fmt::print(stderr, "{}{:<13}{}/v1 as \"{}\"\n", StartupReport(loaded, flags.engine, *engine), "serving",
             Url(flags.server.http.host, server->port()), flags.server.api.served_model_names.front());
  server->Run();
  return {};
}

}  // namespace

Command AddServe(CLI::App& program) {
  CLI::App* command =
      program.add_subcommand("serve", "Serve a model over HTTP with OpenAI's API, until SIGINT or SIGTERM");
  auto flags = std::make_shared<ServeFlags>();
  flags->server.api.served_model_names.clear();
  flags->server.api.log_interval_s = 5;
  AddModelPath(*command, flags->model);
  command->add_option("--host", flags->server.http.host, "Address to listen on; 0.0.0.0 = all of this machine's")
      ->type_name("HOST");
  command->add_option("--port", flags->server.http.port, "Port to listen on; 0 = any that is free")
      ->type_name("PORT")
      ->check(CLI::Range(0, 65535).description(""));
  command
      ->add_option("--api-key", flags->server.api.api_keys,
                   "Answer only requests with this key; can be given several times")
      ->type_name("KEY")
      ->allow_extra_args(false);
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
  AddChatTemplateOption(*command, flags->chat_template);
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
