// tenfold bench paper: the papers' comparisons, replayed and on this machine.
#include <memory>
#include <optional>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/bench/paper_bench.h"
#include "tenfold/cli/bench_commands.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/options.h"

namespace tenfold::cli {
namespace {

constexpr std::pair<const char*, Status (*)(const bench::PaperBench&)> kPapers[] = {
    {"paged-attention", bench::BenchPagedAttention},
    {"orca", bench::BenchOrca},
    {"sarathi", bench::BenchSarathi},
    {"radix-attention", bench::BenchRadixAttention},
};

struct PaperFlags {
  std::string paper;
  std::string model;
  ComputeOptions compute;
  bool quick = false;
  bool json = false;
};

Status RunPaper(const PaperFlags& flags) {
  bench::Report report(flags.json);
  bench::PaperBench bench{.report = &report, .quick = flags.quick};
  std::optional<LoadedModel> loaded;
  bench::Machine machine{};
  if (!flags.model.empty()) {
    ASSIGN_OR_RETURN(loaded, LoadModel(flags.model, flags.compute));
    machine = {loaded->model.get(), loaded->kernels, loaded->threads.get()};
    bench.machine = &machine;
  }
  for (const auto& [name, run] : kPapers) {
    if (flags.paper == name) return run(bench);
  }
  return {};
}

}  // namespace

Command AddPaperBench(CLI::App& bench_command) {
  CLI::App* command = bench_command.add_subcommand("paper",
                                                   "Make a paper's comparison again with the policies of this engine: "
                                                   "replayed on the paper's machine, and for real on "
                                                   "this one with a MODEL. Batching gains most where reading the "
                                                   "weights takes most of a step: take 32-bit weights, more "
                                                   "than the processor's caches hold");
  auto flags = std::make_shared<PaperFlags>();
  std::vector<std::string> names;
  for (const auto& [name, run] : kPapers) names.emplace_back(name);
  command->add_option("PAPER", flags->paper, "Which one")->required()->type_name("NAME")->check(CLI::IsMember(names));
  command->add_option("--model", flags->model, "A GGUF file or Hugging Face folder to run on this machine")
      ->type_name("MODEL");
  command->add_flag("--quick", flags->quick, "Fewer requests and probes on this machine");
  command->add_flag("--json", flags->json, "Print JSON lines");
  AddComputeOptions(*command, flags->compute);
  return {command, [flags] { return RunPaper(*flags); }};
}

}  // namespace tenfold::cli
