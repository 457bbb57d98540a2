// tenfold synth: a model file with random weights at a real shape.
#include "tenfold/model/synth.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/base/byte_count.h"
#include "tenfold/cli/commands.h"
#include "tenfold/cli/loaded_model.h"

namespace tenfold::cli {
namespace {

struct SynthFlags {
  std::string shape;
  std::string type;
  model::SynthOptions options;
  int num_threads = 0;
};

Status RunSynth(SynthFlags& flags) {
  ASSIGN_OR_RETURN(flags.options.shape, model::FindSynthShape(flags.shape));
  flags.options.mix = model::FindWeightMix(flags.type);  // one of the names that the option takes
  const std::unique_ptr<platform::ThreadPool> threads = MakeThreads(flags.num_threads);
  const auto start = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const model::SynthSummary summary, model::WriteSynthModel(flags.options, *threads));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print(stderr, "{}: {} parameters in {}, {}, {:.1f} s\n", flags.options.out.string(), summary.num_parameters,
             flags.options.mix->name, FormatSize(std::filesystem::file_size(flags.options.out)), seconds.count());
  if (summary.num_fallbacks > 0) {
    fmt::print(
        stderr,
        "note: the rows of {} matrices are not whole blocks of {}; they are stored as Q8_0 or, where rows are no "
        "multiple of 32, as F16\n",
        summary.num_fallbacks, flags.options.mix->name);
  }
  return {};
}

}  // namespace

Command AddSynth(CLI::App& program) {
  CLI::App* command = program.add_subcommand(
      "synth", "Write a GGUF model with random weights at the shape of a real one, for benchmarks");
  auto flags = std::make_shared<SynthFlags>();
  std::vector<std::string> shapes;
  for (const model::SynthShape& shape : model::SynthShapes()) shapes.emplace_back(shape.name);
  command->add_option("--shape", flags->shape, "Whose shape")
      ->required()
      ->type_name("NAME")
      ->check(CLI::IsMember(shapes));
  std::vector<std::string> mixes;
  for (const model::WeightMix& mix : model::WeightMixes()) mixes.emplace_back(mix.name);
  command->add_option("--type", flags->type, "Type of the matrices, or a mix of types")
      ->required()
      ->type_name("TYPE")
      ->check(CLI::IsMember(mixes, CLI::ignore_case));
  command->add_option("--vocab", flags->options.vocabulary, "A GGUF file whose tokenizer the model gets")
      ->required()
      ->type_name("FILE");
  command->add_option("--out", flags->options.out, "The file to write")->required()->type_name("FILE");
  command->add_flag("--force", flags->options.overwrite, "Replace the file if it exists");
  command->add_option("--seed", flags->options.seed, "The same seed gives the same weights")->type_name("N");
  command->add_option("--threads", flags->num_threads, "Threads that draw; 0 = one for each usable processor")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  return {command, [flags] { return RunSynth(*flags); }};
}

}  // namespace tenfold::cli
