// tenfold serve: the model behind an HTTP server with OpenAI's API.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/cli/commands.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/options.h"
#include "tenfold/cli/startup_report.h"
#include "tenfold/engine/engine.h"
#include "tenfold/server/server.h"

namespace tenfold::cli {
namespace {

struct ServeFlags {
  std::string model;
  ComputeOptions compute;
  engine::EngineOptions engine;
  server::ServerOptions server;
};

// The last part of the model's path, without ".gguf".
std::string NameOf(const std::filesystem::path& model) {
  const std::filesystem::path last = model.has_filename() ? model.filename() : model.parent_path().filename();
  return last.extension() == ".gguf" ? last.stem().string() : last.string();
}

std::string Url(const std::string& host, int port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("http://[{}]:{}", host, port) : fmt::format("http://{}:{}", host, port);
}

Status RunServe(ServeFlags& flags) {
  if (flags.server.api.served_model_names.empty()) flags.server.api.served_model_names = {NameOf(flags.model)};
  flags.server.api.version = TENFOLD_VERSION;
  flags.server.http.handle_signals = true;
  // Listens first: a port that is taken should be known before a large model is loaded.
  ASSIGN_OR_RETURN(const auto server, server::Server::Create(flags.server));
  ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(flags.model, flags.compute));
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
                   "file or folder)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  AddComputeOptions(*command, flags->compute);
  AddEngineOptions(*command, flags->engine);
  return {command, [flags] { return RunServe(*flags); }};
}

}  // namespace tenfold::cli
