#include "tenfold/cli/program.h"

#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <fmt/format.h>

#include "tenfold/base/print.h"
#include "tenfold/cli/commands.h"
#include "tenfold/cli/help_formatter.h"
#include "tenfold/formats/quoted.h"

namespace tenfold::cli {
namespace {

// CLI11 has an exit code for each kind of mistake; here all of them are wrong usage, and help is none.
int ReportParsing(const CLI::App& program, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return program.exit(error);
  std::string message = error.what();
  if (message == "MODEL is required") {
    message +=
        ": pass a GGUF file, a Hugging Face folder, or hf:org/repo (this program was built without one of its own)";
  }
  // `bench` has subcommands of its own.
  const CLI::App* innermost = &program;
  std::string command = "tenfold";
  while (!innermost->get_subcommands().empty()) {
    innermost = innermost->get_subcommands().front();
    command += " " + innermost->get_name();
  }
  const std::vector<std::string> unknown = program.remaining(/*recurse=*/true);
  if (!innermost->get_subcommands([](const CLI::App*) { return true; }).empty() && !unknown.empty()) {
    message = fmt::format("there is no subcommand {}", formats::Quoted(unknown.front()));
  }
  Print(stderr, "tenfold: error: {}\nRun `{} --help` for what can be given.\n", message, command);
  return kExitWrongUsage;
}

// The last net: what a library throws and nobody caught, memory that ran out above all, ends with a message too.
Status RunCommand(const Command& command) {
  try {
    return command.run();
  } catch (const std::bad_alloc&) {
    return MakeError(ErrorCode::kResourceExhausted, "out of memory");
  } catch (const std::exception& exception) {
    return MakeError(ErrorCode::kIo, "{}", exception.what());
  }
}

}  // namespace

int RunProgram(int argc, const char* const* argv) {
  CLI::App program("Serves open language models to many users at once, on the processors you have.", "tenfold");
  program.set_version_flag("--version", "tenfold " TENFOLD_VERSION, "Print the version and leave");
  program.require_subcommand(1);
  program.option_defaults()->always_capture_default();
  program.formatter(std::make_shared<HelpFormatter>());
  const std::array commands = {AddServe(program),   AddGenerate(program),   AddChat(program),  AddTokenize(program),
                               AddInfo(program),    AddPerplexity(program), AddSynth(program), AddQuantize(program),
                               AddConvert(program), AddTrain(program),      AddBench(program)};
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ReportParsing(program, error);
  }
  for (const Command& command : commands) {
    if (!command.options->parsed()) continue;
    const Status status = RunCommand(command);
    if (!status) {
      Print(stderr, "tenfold: error: {}\n", status.error().message);
      return kExitFailed;
    }
  }
  return kExitDone;
}

}  // namespace tenfold::cli
