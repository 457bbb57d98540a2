// tenfold synth: a model file with random weights at a real shape.
#include "tenfold/model/synth.h"

#include <memory>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/cli/commands.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/write_model.h"

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
  return WriteAndReport({}, flags.options.out, [&] { return model::WriteSynthModel(flags.options, *threads); });
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
  AddWeightMix(*command, flags->type, "Type of the matrices, or a mix of types")->required();
  command->add_option("--vocab", flags->options.vocabulary, "A GGUF file whose tokenizer the model gets")
      ->required()
      ->type_name("FILE");
  command->add_option("--out", flags->options.out, "The file to write")->required()->type_name("FILE");
  command->add_flag("--overwrite,--force", flags->options.overwrite, "Replace the file if it exists");
  command->add_option("--seed", flags->options.seed, "The same seed gives the same weights")->type_name("N");
  AddWritingThreads(*command, flags->num_threads);
  return {command, [flags] { return RunSynth(*flags); }};
}

}  // namespace tenfold::cli
