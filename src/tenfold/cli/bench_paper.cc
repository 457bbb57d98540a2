// tenfold bench paper: the options.
#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/bench/paper_bench.h"
#include "tenfold/cli/bench_commands.h"
#include "tenfold/cli/loaded_model.h"

namespace tenfold::cli {
namespace {

struct Flags {
  bench::PaperBenchOptions options;
  std::string model;
  ComputeOptions compute{.num_threads = 1};
  bool json = false;
};

Status Run(const Flags& flags) {
  bench::Report report(flags.json);
  if (flags.model.empty()) return BenchPaper(flags.options, nullptr, report);
  ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(flags.model, flags.compute));
  const bench::EngineMachine machine{*loaded.model, *loaded.kernels, *loaded.threads};
  return BenchPaper(flags.options, &machine, report);
}

}  // namespace

Command AddPaperBench(CLI::App& bench) {
  CLI::App* command = bench.add_subcommand(
      "paper",
      "Run a serving paper's comparison and print its figures beside ours: replayed at the paper's scale, replayed "
      "with this machine's step times, and, with --model, for real on the engine, on a clock that advances by the "
      "processor time of each step");
  auto flags = std::make_shared<Flags>();
  std::vector<std::string> papers;
  for (const std::string_view name : bench::PaperNames()) papers.emplace_back(name);
  command->add_option("PAPER", flags->options.paper, "Which")
      ->required()
      ->type_name("NAME")
      ->check(CLI::IsMember(papers));
  command
      ->add_option("--model", flags->model,
                   "What the engine computes: F32 weights, larger than the caches (tenfold synth --shape small-19m "
                   "--type F32)")
      ->type_name("MODEL");
  command->add_flag("--quick", flags->options.is_quick, "Fewer requests and coarser capacities in the real runs");
  command->add_option("--seed", flags->options.seed, "The same seed gives the same requests")->type_name("N");
  command->add_option("--svg", flags->options.svg, "Draw the figures, too")->type_name("FILE");
  command->add_flag("--json", flags->json, "Print JSON lines: one object for each figure");
  AddComputeOptions(*command, flags->compute);
  return {command, [flags] { return Run(*flags); }};
}

}  // namespace tenfold::cli
