// tenfold train: a model from texts.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/base/byte_count.h"
#include "tenfold/base/json.h"
#include "tenfold/base/print.h"
#include "tenfold/bench/machine_limits.h"
#include "tenfold/cli/commands.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/options.h"
#include "tenfold/cli/training_progress.h"
#include "tenfold/platform/cpu_features.h"
#include "tenfold/platform/memory_info.h"
#include "tenfold/tokenizer/tokenizer_json.h"
#include "tenfold/training/config_file.h"
#include "tenfold/training/memory_account.h"
#include "tenfold/training/model_export.h"
#include "tenfold/training/run_folder.h"
#include "tenfold/training/step_cost.h"
#include "tenfold/training/text_sample.h"
#include "tenfold/training/training_keys.h"
#include "tenfold/training/training_run.h"
#include "tenfold/training/training_text.h"

namespace tenfold::cli {
namespace {

using training::TrainingConfig;

struct TrainFlags {
  std::string config_file;
  std::string out;
  bool resume = false;
  bool json = false;
  ComputeOptions compute;
  TrainingConfig given;  // what flags say
  // Copies a key from `given` where its flag was given.
  std::vector<std::function<void(TrainingConfig&)>> overrides;
};

// Flags win over the config file, which wins over the defaults; a run that is continued begins with its own config.
Result<TrainingConfig> ConfigOf(const TrainFlags& flags) {
  TrainingConfig config, begun;
  if (flags.resume) {
    if (!training::RunFolder::Exists(flags.out)) return tl::unexpected(training::RunFolder::Open(flags.out).error());
    RETURN_IF_ERROR(ApplyConfigFile(training::RunFolder::ConfigFile(flags.out), config));
    begun = config;
  }
  if (!flags.config_file.empty()) RETURN_IF_ERROR(ApplyConfigFile(flags.config_file, config));
  for (const auto& override_key : flags.overrides) override_key(config);
  // So that the run can be repeated from any folder.
  const auto make_absolute = [](std::string& path) {
    path = std::filesystem::absolute(path).lexically_normal().string();
  };
  std::ranges::for_each(config.train_files, make_absolute);
  std::ranges::for_each(config.validation_files, make_absolute);
  if (TakesVocabulary(config)) make_absolute(config.vocabulary);
  if (flags.resume) RETURN_IF_ERROR(CheckContinues(begun, config));
  ASSIGN_OR_RETURN(TrainingConfig resolved, Resolve(config));
  if (resolved.train_files.empty()) {
    return MakeError(ErrorCode::kInvalidArgument, "train-files is empty: say which texts to learn from");
  }
  return resolved;
}

// The parts of a run, in the order in which they need each other.
struct Session {
  std::unique_ptr<platform::ThreadPool> threads;
  const kernels::KernelTable* kernels = nullptr;
  TrainingConfig config;
  tokenizer::Vocabulary vocabulary;
  std::optional<tokenizer::Tokenizer> tokenizer;
  training::TrainingText text;
  std::unique_ptr<training::Trainer> trainer;
};

// A new run's vocabulary is made and kept before its config.toml, which is what makes the folder a run. It is read back
// before it is used: what tokenizer.json makes of it (merges instead of scores, say) is what a continued run sees.
Status ChooseVocabulary(const TrainFlags& flags, const training::RunFolder& folder, Session& session) {
  if (!flags.resume) {
    ASSIGN_OR_RETURN(const tokenizer::Vocabulary made, training::MakeVocabulary(session.config));
    RETURN_IF_ERROR(training::WriteVocabulary(made, folder.vocabulary_folder()));
  }
  ASSIGN_OR_RETURN(session.vocabulary, tokenizer::LoadTokenizerFolder(folder.vocabulary_folder()));
  session.config.model.vocab_size = static_cast<int64_t>(session.vocabulary.tokens.size());
  const Status exportable = training::CheckExport(session.vocabulary);
  if (exportable) return {};
  return MakeError(exportable.error().code, "vocabulary {}: the model could not be written at the end: {}",
                   session.config.vocabulary, exportable.error().message);
}

Status CheckMemory(const training::MemoryAccount& account) {
  const size_t available = platform::AvailableMemoryBytes();
  if (account.total() <= available) return {};
  return MakeError(ErrorCode::kResourceExhausted,
                   "the run needs {}, and {} are free; a smaller batch-size with more micro-batches, recompute or a "
                   "smaller model needs less",
                   account.ToString(), FormatSize(available));
}

Result<Session> Prepare(const TrainFlags& flags, const training::RunFolder& folder, const TrainingConfig& config) {
  Session session;
  session.config = config;
  ASSIGN_OR_RETURN(session.kernels, kernels::SelectKernels(flags.compute.isa, platform::DetectCpuFeatures()));
  session.threads = MakeThreads(flags.compute.num_threads);
  RETURN_IF_ERROR(ChooseVocabulary(flags, folder, session));
  const training::MemoryAccount account = AccountMemory(session.config);
  RETURN_IF_ERROR(CheckMemory(account));
  ASSIGN_OR_RETURN(session.tokenizer, tokenizer::Tokenizer::Create(session.vocabulary));
  RETURN_IF_ERROR(training::CheckSamplePrompt(config.sample_prompt, *session.tokenizer, config.model.context_length));
  ASSIGN_OR_RETURN(session.text, training::ReadTrainingText(session.config, session.vocabulary, folder.data_folder(),
                                                            *session.threads));
  ASSIGN_OR_RETURN(session.trainer, training::Trainer::Create(session.config, *session.kernels, *session.threads));

  std::string report;
  const auto row = [&](std::string_view name, const std::string& text) {
    report += fmt::format("{:<13}{}\n", name, text);
    folder.Log(fmt::format("{}: {}", name, text));
  };
  const training::ModelShape& model = session.config.model;
  row("model", fmt::format("{}, {} parameters: {} layers of {}, {} heads of {}, vocabulary {}", model.architecture,
                           session.trainer->layout().num_parameters(), model.num_layers, model.hidden_size,
                           model.num_heads, model.head_dim, model.vocab_size));
  row("text", fmt::format("{} tokens to learn from, {} to measure on", session.text.num_training_tokens,
                          session.text.num_validation_tokens));
  row("steps", fmt::format("{} of {} tokens", session.config.num_steps, session.config.tokens_per_step()));
  row("memory", account.ToString());
  row("compute", fmt::format("{} threads, {} kernels, {}, {}", session.threads->num_threads(), session.kernels->name,
                             session.config.precision, platform::CpuModelName()));
  row("folder", folder.path().string());
  Print(stderr, "{}", report);
  return session;
}

// What the machine can do in the run's precision; 0 where it cannot be measured.
double MeasureLimit(const Session& session) {
  constexpr size_t kSomeBytes = size_t{1} << 20;  // memory is not measured
  auto meter = bench::LimitMeter::Create(*session.kernels, *session.threads, kSomeBytes);
  if (!meter) return 0;
  const auto arithmetic = session.config.precision == "bf16" ? bench::Arithmetic::kBf16 : bench::Arithmetic::kF32;
  double best = 0;
  for (int i = 0; i < 5; ++i) best = std::max(best, meter->OperationsPerSecond(arithmetic));
  return best;
}

training::Sampler MakeSampler(const Session& session) {
  return [&session](training::Trainer& trainer) {
    const TrainingConfig& config = session.config;
    return SampleText(trainer, *session.tokenizer,
                      {.prompt = config.sample_prompt,
                       .num_tokens = config.num_sample_tokens,
                       .temperature = config.sample_temperature,
                       .seed = config.seed + static_cast<uint64_t>(trainer.step())});
  };
}

// Where one format cannot be written the other one is: a run is worth more than a reason.
Status Export(const Session& session, const training::RunFolder& folder) {
  const Status gguf = ExportGguf(session.vocabulary, *session.trainer, folder.gguf_file(), *session.threads);
  const Status hugging_face =
      ExportHuggingFace(session.vocabulary, *session.trainer, folder.hugging_face_folder(), *session.threads);
  RETURN_IF_ERROR(gguf);
  RETURN_IF_ERROR(hugging_face);
  folder.Log(fmt::format("wrote {} and {}", folder.gguf_file().string(), folder.hugging_face_folder().string()));
  return {};
}

void PrintSummary(const training::TrainingRun& run, const TrainingProgress& progress, const Session& session,
                  const training::RunFolder& folder) {
  const training::TrainingState& state = run.state();
  json::object summary{{"step", state.step},
                       {"finished", run.is_finished()},
                       {"tokens", state.num_tokens},
                       {"seconds", state.seconds},
                       {"loss", run.last_loss()},
                       {"tokens_per_s", progress.tokens_per_s()},
                       {"share_of_limit", progress.share_of_limit()},
                       {"num_parameters", session.trainer->layout().num_parameters()},
                       {"best_step", state.best_step}};
  if (run.last_validation()) {
    summary["validation_loss"] = run.last_validation()->loss;
    summary["bits_per_byte"] = run.last_validation()->bits_per_byte;
  }
  summary["folder"] = folder.path().string();
  if (run.is_finished()) summary["model"] = folder.gguf_file().string();
  fmt::print("{}\n", json::serialize(summary));
}

Status RunTrain(const TrainFlags& flags, const TrainingConfig& config) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader of our messages that went away must not end a run
  ASSIGN_OR_RETURN(const training::RunFolder folder,
                   flags.resume ? training::RunFolder::Open(flags.out) : training::RunFolder::Create(flags.out));
  ASSIGN_OR_RETURN(const Session session, Prepare(flags, folder, config));
  ASSIGN_OR_RETURN(const auto run, training::TrainingRun::Create({.config = session.config,
                                                                  .folder = &folder,
                                                                  .trainer = session.trainer.get(),
                                                                  .data = session.text.data.get(),
                                                                  .sampler = MakeSampler(session)}));
  if (run->state().step > 0) Print(stderr, "{:<13}after step {}\n", "continues", run->state().step);
  TrainingProgress progress({.num_steps = session.config.num_steps,
                             .operations_per_step = OperationsPerStep(session.config),
                             .operations_per_s_limit = MeasureLimit(session)});
  RETURN_IF_ERROR(run->Continue(progress));
  progress.ReleaseSignals();
  if (run->is_finished()) {
    RETURN_IF_ERROR(Export(session, folder));
    Print(stderr, "The model is in {}; try: tenfold generate {} --prompt \"...\"\n", folder.path().string(),
          folder.gguf_file().string());
  }
  if (flags.json) PrintSummary(*run, progress, session, folder);
  return {};
}

// A flag for each key.
void AddKeys(CLI::App& command, TrainFlags& flags) {
  const TrainingConfig defaults;
  training::ForEachKey(flags.given, [&](const char* group, const char* key, auto& value, const char* description) {
    CLI::Option* const option = command.add_option(fmt::format("--{}", key), value, description)->group(group);
    using Value = std::remove_reference_t<decltype(value)>;
    if constexpr (std::is_same_v<Value, std::string>) {
      option->type_name("TEXT");
    } else if constexpr (std::is_same_v<Value, bool>) {
      option->type_name("true|false");
    } else if constexpr (std::is_same_v<Value, double>) {
      option->type_name("X");
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      option->type_name("FILE...");
    } else {
      option->type_name("N");
    }
    flags.overrides.push_back([option, &given = flags.given, key = std::string(key)](TrainingConfig& config) {
      if (option->count() == 0) return;
      ForEachKey(config, [&](const char*, const char* to_key, auto& to, const char*) {
        if (key != to_key) return;
        ForEachKey(given, [&](const char*, const char* from_key, auto& from, const char*) {
          if constexpr (std::is_same_v<decltype(from), decltype(to)>) {
            if (key == from_key) to = from;
          }
        });
      });
    });
  });
}

}  // namespace

Command AddTrain(CLI::App& program) {
  CLI::App* command = program.add_subcommand("train",
                                             "Train a model from texts, on the processors of this machine. Ctrl-C "
                                             "writes a checkpoint and stops; --resume goes "
                                             "on from there and gives the same model, bit for bit");
  auto flags = std::make_shared<TrainFlags>();
  command
      ->add_option("--config", flags->config_file,
                   "Settings in TOML: every flag of the groups below is a key of the same name; flags win")
      ->type_name("FILE");
  command->add_option("--out", flags->out, "The folder of the run: checkpoints, metrics, the model")
      ->required()
      ->type_name("DIR");
  command->add_flag("--resume", flags->resume, "Continue the run in --out from its newest checkpoint");
  command->add_flag("--json", flags->json,
                    "Print one JSON object at the end: step, finished, tokens, seconds, loss, validation_loss, "
                    "bits_per_byte, tokens_per_s, share_of_limit, model");
  AddComputeOptions(*command, flags->compute);
  AddKeys(*command, *flags);
  auto config = std::make_shared<Result<TrainingConfig>>();
  command->callback([flags, config] {
    *config = ConfigOf(*flags);
    // A setting that has no meaning is wrong usage; a file that cannot be read is not.
    if (!*config && config->error().code == ErrorCode::kInvalidArgument) {
      throw CLI::ValidationError(config->error().message);
    }
  });
  return {command, [flags, config]() -> Status {
            if (!*config) return tl::unexpected(config->error());
            return RunTrain(*flags, **config);
          }};
}

}  // namespace tenfold::cli
