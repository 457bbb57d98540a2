// tenfold bench: what the kernels and a model reach on this machine, beside what the machine can do; and the other
// benchmarks (bench_commands.h).
#include <memory>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/base/byte_count.h"
#include "tenfold/bench/kernel_bench.h"
#include "tenfold/bench/model_bench.h"
#include "tenfold/bench/report.h"
#include "tenfold/cli/bench_commands.h"
#include "tenfold/cli/commands.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/model_source.h"
#include "tenfold/cli/options.h"
#include "tenfold/cli/size.h"
#include "tenfold/platform/cpu_features.h"

namespace tenfold::cli {
namespace {

struct BenchFlags {
  std::string model;
  ComputeOptions compute;
  bench::KernelBenchOptions kernels;
  bench::ModelBenchOptions models;
  bool json = false;
};

void AddJson(CLI::App& command, BenchFlags& flags) {
  command.add_flag("--json", flags.json,
                   "Print JSON lines: the machine with its limits, then one object for each measurement");
}

void AddRepeat(CLI::App& command, int& repeat, const std::string& what) {
  command.add_option("--repeat", repeat, what)->type_name("N")->check(CLI::Range(1, 1000).description(""));
}

// Several numbers: 1,2,3 or the option again and again.
void AddNumbers(CLI::App& command, const std::string& name, std::vector<int64_t>& numbers, int64_t least,
                const std::string& what) {
  command.add_option(name, numbers, what)
      ->type_name("N,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(least, int64_t{1} << 20).description(""));
}

// "2048x5632": outputs, then inputs.
bench::MatrixShape ParseShape(const std::string& text) {
  const size_t by = text.find('x');
  bench::MatrixShape shape{};
  if (by == std::string::npos || !CLI::detail::lexical_cast(text.substr(0, by), shape.outputs) ||
      !CLI::detail::lexical_cast(text.substr(by + 1), shape.inputs) || shape.outputs < 1 || shape.inputs < 1 ||
      shape.outputs > 1 << 20 || shape.inputs > 1 << 20) {
    throw CLI::ValidationError("--shape", "\"" + text + "\" is no shape such as 2048x5632");
  }
  return shape;
}

Status RunKernels(const BenchFlags& flags) {
  ASSIGN_OR_RETURN(const kernels::KernelTable* const table,
                   kernels::SelectKernels(flags.compute.isa, platform::DetectCpuFeatures()));
  const auto threads = MakeThreads(flags.compute.num_threads);
  bench::Report report(flags.json);
  return BenchKernels(flags.kernels, *table, *threads, report);
}

Status RunModel(const BenchFlags& flags) {
  ASSIGN_OR_RETURN(const kernels::KernelTable* const table,
                   kernels::SelectKernels(flags.compute.isa, platform::DetectCpuFeatures()));
  ASSIGN_OR_RETURN(const std::filesystem::path path, LocalModel(flags.model));
  const auto threads = MakeThreads(flags.compute.num_threads);
  bench::Report report(flags.json);
  return BenchModel(path, flags.models, *table, *threads, report);
}

CLI::App* AddKernelBench(CLI::App& program, BenchFlags& flags) {
  CLI::App* command = program.add_subcommand(
      "kernels",
      "Measure the machine's limits (reading memory and the cache, f32, bfloat16 and 8-bit multiply-adds), then matrix "
      "products of every weight type, attention and row operations: checked against their definitions, median and "
      "spread of the time, and the share of the limit that binds, measured just before and after");
  command->add_option("--filter", flags.kernels.filter, "Only what has this in its name, such as \"Q4_0 2048x2048\"")
      ->type_name("TEXT");
  AddRepeat(*command, flags.kernels.repeat, "Samples of each measurement");
  command
      ->add_option_function<std::vector<std::string>>(
          "--shape",
          [&flags](const std::vector<std::string>& texts) {
            flags.kernels.shapes.clear();
            for (const std::string& text : texts) flags.kernels.shapes.push_back(ParseShape(text));
          },
          "Matrices of these outputs and inputs instead of TinyLlama-1.1B's")
      ->type_name("NxK,...")
      ->delimiter(',')
      ->allow_extra_args(false);
  AddNumbers(*command, "--rows", flags.kernels.rows, 1, "Rows of activations");
  AddNumbers(*command, "--context", flags.kernels.contexts, 0,
             "Cached tokens that attention sees, and lengths of whole prompts");
  command
      ->add_option_function<std::string>(
          "--working-set",
          [&flags](const std::string& text) {
            const Result<size_t> size = ParseSize(text);
            if (!size) throw CLI::ValidationError("--working-set", size.error().message);
            flags.kernels.working_set_bytes = *size;
          },
          "Weights, keys and values are taken in turn from this much memory, more than the caches hold")
      ->type_name("SIZE")
      ->default_str(FormatSize(flags.kernels.working_set_bytes));
  AddJson(*command, flags);
  AddComputeOptions(*command, flags.compute);
  return command;
}

CLI::App* AddModelBench(CLI::App& program, BenchFlags& flags) {
  CLI::App* command = program.add_subcommand(
      "model",
      "Measure a model without an engine around it: loading, prefill (a prompt and its last token's logits), decode (a "
      "token for each sequence per step), resident memory. Cached tokens before a decode are arbitrary numbers, not "
      "computed ones. Without points, the standard ones: prefill 128, 512, 2048, 8192; decode at contexts 0, 2048, "
      "8192 and of 1 to 64 sequences");
  AddModelPath(*command, flags.model);
  AddNumbers(*command, "--prefill", flags.models.prefills, 1, "Only prompts of so many tokens");
  AddNumbers(*command, "--decode-batch", flags.models.decode_batches, 1, "Only decodes of so many sequences");
  AddNumbers(*command, "--context", flags.models.contexts, 0, "Only decodes behind so many tokens");
  AddRepeat(*command, flags.models.repeat,
            fmt::format("Samples of each measurement; one of decode is {} steps", bench::kDecodeSteps));
  command
      ->add_option("--max-num-batched-tokens", flags.models.max_num_batched_tokens,
                   "Tokens in a chunk of a prompt; longer prompts are computed in several")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20).description(""));
  command->add_option("--block-size", flags.models.page_size, "Tokens in a page of the cache")
      ->type_name("N")
      ->check(CLI::IsMember({16, 32, 64, 128, 256}));
  AddJson(*command, flags);
  AddComputeOptions(*command, flags.compute);
  AddKvCacheType(*command, flags.models.kv_cache_type);
  return command;
}

}  // namespace

Command AddBench(CLI::App& program) {
  CLI::App* command = program.add_subcommand("bench", "Measure kernels, a model or a server");
  command->require_subcommand(1);
  auto flags = std::make_shared<BenchFlags>();
  const std::vector<Command> benches = {{AddKernelBench(*command, *flags), [flags] { return RunKernels(*flags); }},
                                        {AddModelBench(*command, *flags), [flags] { return RunModel(*flags); }},
                                        AddServeBench(*command),
                                        AddReplayBench(*command),
                                        AddPaperBench(*command)};
  return {command, [benches]() -> Status {
            for (const Command& bench : benches) {
              if (bench.options->parsed()) return bench.run();
            }
            return {};
          }};
}

}  // namespace tenfold::cli
