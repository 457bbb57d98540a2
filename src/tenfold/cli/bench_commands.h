// The subcommands of `tenfold bench` that have a file of their own.
#pragma once

#include <CLI/App.hpp>

#include "tenfold/cli/commands.h"

namespace tenfold::cli {

Command AddServeBench(CLI::App& bench_command);
Command AddReplayBench(CLI::App& bench_command);
Command AddPaperBench(CLI::App& bench_command);

}  // namespace tenfold::cli
