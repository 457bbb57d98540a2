// The subcommands. Each Add function declares one with its options and returns what runs it; one file each.
#pragma once

#include <functional>

#include <CLI/App.hpp>

#include "tenfold/base/result.h"

namespace tenfold::cli {

struct Command {
  CLI::App* options;            // owned by the program
  std::function<Status()> run;  // once the command line is parsed
};

Command AddServe(CLI::App& program);
Command AddGenerate(CLI::App& program);
Command AddChat(CLI::App& program);
Command AddTokenize(CLI::App& program);
Command AddInfo(CLI::App& program);
Command AddPerplexity(CLI::App& program);
Command AddSynth(CLI::App& program);
Command AddTrain(CLI::App& program);
Command AddQuantize(CLI::App& program);
Command AddConvert(CLI::App& program);
Command AddBench(CLI::App& program);

}  // namespace tenfold::cli
