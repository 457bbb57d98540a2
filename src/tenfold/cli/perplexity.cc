// tenfold perplexity: how well a model predicts a text.
#include "tenfold/model/perplexity.h"

#include <algorithm>
#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/base/json.h"
#include "tenfold/cli/commands.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/options.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::cli {
namespace {

struct PerplexityFlags {
  std::string model;
  ComputeOptions compute;
  std::string file;
  model::PerplexityOptions options{.context = 0};
  bool json = false;
};

Status RunPerplexity(PerplexityFlags& flags) {
  ASSIGN_OR_RETURN(const std::string text, platform::ReadTextFile(flags.file));
  ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(flags.model, flags.compute));
  if (flags.options.context == 0) {
    flags.options.context = std::min<int64_t>(loaded.model->config().context_length, 512);
  }
  const std::vector<TokenId> ids = loaded.model->tokenizer().Encode(text, {.add_special = false});
  ASSIGN_OR_RETURN(const model::Perplexity measured,
                   MeasurePerplexity(*loaded.model, ids, flags.options, *loaded.kernels, *loaded.threads));
  if (flags.json) {
    fmt::print("{}\n", json::serialize(json::object{{"num_tokens", measured.num_tokens},
                                                    {"mean_nll", measured.mean_nll()},
                                                    {"perplexity", measured.perplexity()},
                                                    {"bits_per_byte", measured.bits_per_byte()}}));
  } else {
    fmt::print("tokens         {}\nmean NLL       {:.6f}\nperplexity     {:.4f}\nbits per byte  {:.4f}\n",
               measured.num_tokens, measured.mean_nll(), measured.perplexity(), measured.bits_per_byte());
  }
  return {};
}

}  // namespace

Command AddPerplexity(CLI::App& program) {
  CLI::App* command = program.add_subcommand(
      "perplexity", "Measure how well a model predicts a text: perplexity, mean negative log-likelihood in nats");
  auto flags = std::make_shared<PerplexityFlags>();
  AddModelPath(*command, flags->model);
  command->add_option("--file", flags->file, "The text")->required()->type_name("FILE");
  command
      ->add_option("--context", flags->options.context,
                   "Tokens in a window; windows do not overlap. 0 = the model's context, 512 at most")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber.description(""));
  command->add_flag("--json", flags->json, "Print one JSON object: num_tokens, mean_nll, perplexity, bits_per_byte");
  AddComputeOptions(*command, flags->compute);
  AddKvCacheType(*command, flags->options.kv_cache_type);
  return {command, [flags] { return RunPerplexity(*flags); }};
}

}  // namespace tenfold::cli
