// tenfold convert: a GGUF file as a Hugging Face folder, and the other way round.
#include <memory>
#include <string>

#include <CLI/App.hpp>

#include "tenfold/cli/commands.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/model_source.h"
#include "tenfold/cli/options.h"
#include "tenfold/cli/write_model.h"
#include "tenfold/model/quantize.h"

namespace tenfold::cli {
namespace {

struct ConvertFlags {
  std::string in;
  std::string type;
  model::ConvertOptions options;
  int num_threads = 0;
};

Status RunConvert(ConvertFlags& flags) {
  ASSIGN_OR_RETURN(flags.options.in, LocalModel(flags.in));
  flags.options.name = ModelName(flags.in);
  if (!flags.type.empty()) flags.options.mix = model::FindWeightMix(flags.type);
  const std::unique_ptr<platform::ThreadPool> threads = MakeThreads(flags.num_threads);
  return WriteAndReport(flags.options.in, flags.options.out,
                        [&] { return model::ConvertModel(flags.options, *threads); });
}

}  // namespace

Command AddConvert(CLI::App& program) {
  CLI::App* command = program.add_subcommand(
      "convert",
      "Write a GGUF file as a Hugging Face folder, or a Hugging Face folder as a GGUF file: OUT decides by its name");
  auto flags = std::make_shared<ConvertFlags>();
  AddModelPath(*command, flags->in, "IN");
  command
      ->add_option("OUT", flags->options.out,
                   "What to write: a GGUF file if it ends in .gguf (IN is a folder then), else a folder with "
                   "config.json, tokenizer.json and model.safetensors (IN is a GGUF file then)")
      ->required()
      ->type_name("PATH");
  AddWeightMix(*command, flags->type,
               "Type of the matrices; without it they keep their types, and quantized ones become F32 in a folder, "
               "which takes F32, F16 and BF16");
  command->add_flag("--overwrite", flags->options.overwrite,
                    "Replace OUT if it exists; a folder only if nothing but a model is in it");
  AddWritingThreads(*command, flags->num_threads);
  return {command, [flags] { return RunConvert(*flags); }};
}

}  // namespace tenfold::cli
