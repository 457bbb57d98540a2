// tenfold quantize: a model with other types of weights, as a GGUF file.
#include "tenfold/model/quantize.h"

#include <memory>
#include <string>

#include <CLI/App.hpp>

#include "tenfold/cli/commands.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/model_source.h"
#include "tenfold/cli/options.h"
#include "tenfold/cli/write_model.h"

namespace tenfold::cli {
namespace {

struct QuantizeFlags {
  std::string in;
  std::string type;
  model::QuantizeOptions options;
  int num_threads = 0;
};

Status RunQuantize(QuantizeFlags& flags) {
  ASSIGN_OR_RETURN(flags.options.in, LocalModel(flags.in));
  flags.options.name = ModelName(flags.in);
  flags.options.mix = model::FindWeightMix(flags.type);  // one of the names that the option takes
  const std::unique_ptr<platform::ThreadPool> threads = MakeThreads(flags.num_threads);
  return WriteAndReport(flags.options.in, flags.options.out,
                        [&] { return model::QuantizeModel(flags.options, *threads); });
}

}  // namespace

Command AddQuantize(CLI::App& program) {
  CLI::App* command = program.add_subcommand(
      "quantize", "Write a model with fewer bits per weight: a GGUF file or a Hugging Face folder as a GGUF file");
  auto flags = std::make_shared<QuantizeFlags>();
  AddModelPath(*command, flags->in, "IN");
  command->add_option("OUT", flags->options.out, "The GGUF file to write")->required()->type_name("FILE");
  AddWeightMix(*command, flags->type,
               "Type of the matrices, or a mix that gives more bits where errors cost most; vectors stay in F32")
      ->required();
  command->add_flag("--overwrite", flags->options.overwrite, "Replace OUT if it exists");
  command->add_flag("--allow-requantize", flags->options.allow_requantize,
                    "Also from weights that are quantized already, whose errors add up");
  AddWritingThreads(*command, flags->num_threads);
  return {command, [flags] { return RunQuantize(*flags); }};
}

}  // namespace tenfold::cli
