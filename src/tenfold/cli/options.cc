#include "tenfold/cli/options.h"

#include <limits>
#include <map>

#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/cli/embedded_model.h"
#include "tenfold/cli/size.h"
#include "tenfold/hub/model_reference.h"
#include "tenfold/kernels/kv_layout.h"
#include "tenfold/scheduler/policies.h"

namespace tenfold::cli {
namespace {

constexpr const char* kModelGroup = "Model and machine";
constexpr const char* kEngineGroup = "Engine";
constexpr const char* kSamplingGroup = "Sampling";

// Empty for a path, and for a reference to the hub that is well written.
std::string WrongModelReference(const std::string& text) {
  if (!hub::IsModelReference(text)) return {};
  const auto reference = hub::ParseModelReference(text);
  return reference ? std::string() : reference.error().message;
}

// A list option takes one value each time it is given, so that it never swallows the positional after it.
CLI::Option* OnePerFlag(CLI::Option* option) {
  return option->allow_extra_args(false);
}

}  // namespace

void AddModelPath(CLI::App& command, std::string& model, const std::string& name) {
  const bool may_be_embedded = name == "MODEL" && HasEmbeddedModel();
  command
      .add_option(name, model,
                  std::string("A GGUF file, a Hugging Face folder, or a model on the Hugging Face hub, which is "
                              "downloaded once: hf:org/repo, hf:org/repo:Q4_K_M, hf:org/repo:file.gguf, "
                              "hf:org/repo@revision") +
                      (may_be_embedded ? "; without it, the storyteller that is part of this program" : ""))
      ->required(!may_be_embedded)
      ->type_name("PATH")
      ->check(CLI::Validator(WrongModelReference, ""));
}

void AddComputeOptions(CLI::App& command, ComputeOptions& options) {
  command.add_option("--threads", options.num_threads, "Threads that compute; 0 = one for each usable processor")
      ->group(kModelGroup)
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  command.add_option("--isa", options.isa, "Instruction set of the kernels; auto = the fastest that runs here")
      ->group(kModelGroup)
      ->type_name("NAME")
      ->check(CLI::IsMember({"auto", "avx512-bf16", "avx512-vnni", "avx2", "portable"}));
}

void AddKvCacheType(CLI::App& command, tensor::DataType& type) {
  const std::map<std::string, tensor::DataType> types = {{"auto", kernels::kDefaultKvCacheType},
                                                         {"f32", tensor::DataType::kF32},
                                                         {"f16", tensor::DataType::kF16},
                                                         {"bf16", tensor::DataType::kBF16},
                                                         {"q8_0", tensor::DataType::kQ8_0}};
  command
      .add_option_function<std::string>(
          "--kv-cache-dtype", [&type, types](const std::string& name) { type = types.at(name); },
          "Type of cached keys and values: f32, f16, bf16 (the fastest), q8_0 (half the memory); auto = bf16")
      ->group(kModelGroup)
      ->type_name("TYPE")
      ->default_str("auto")
      ->check(CLI::IsMember({"auto", "f32", "f16", "bf16", "q8_0"}));
}

void AddSize(CLI::App& command, const std::string& name, size_t& size_bytes, const std::string& description) {
  command
      .add_option_function<std::string>(
          name,
          [name, &size_bytes](const std::string& text) {
            const Result<size_t> size = ParseSize(text);
            if (!size) throw CLI::ValidationError(name, size.error().message);
            size_bytes = *size;
          },
          description)
      ->group(kEngineGroup)
      ->type_name("SIZE");
}

std::vector<std::string> PolicyNames() {
  std::vector<std::string> names;
  for (const scheduler::PolicyInfo& policy : scheduler::Policies()) names.emplace_back(policy.name);
  return names;
}

void AddEngineOptions(CLI::App& command, engine::EngineOptions& options) {
  AddKvCacheType(command, options.kv_cache_type);
  command
      .add_option("--max-model-len", options.max_model_len,
                  "Longest sequence, prompt and output together, in tokens; 0 = the model's context, or what the cache "
                  "holds")
      ->group(kEngineGroup)
      ->type_name("N")
      ->check(CLI::NonNegativeNumber.description(""));
  command.add_option("--max-num-seqs", options.max_num_seqs, "Most sequences in one step")
      ->group(kEngineGroup)
      ->type_name("N")
      ->check(CLI::Range(1, 65536).description(""));
  command
      .add_option(
          "--max-num-batched-tokens", options.max_num_batched_tokens,
          "Most tokens in one step; longer prompts are computed in chunks. More: faster prompts; fewer: steadier "
          "output for the others")
      ->group(kEngineGroup)
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20).description(""));
  std::string policies = "Who computes what in a step:";
  for (const scheduler::PolicyInfo& policy : scheduler::Policies()) {
    policies += fmt::format(" {} = {};", policy.name, policy.summary);
  }
  policies.back() = '.';
  command.add_option("--scheduling-policy", options.scheduling_policy, policies)
      ->group(kEngineGroup)
      ->type_name("NAME")
      ->check(CLI::IsMember(PolicyNames()));
  command
      .add_option(
          "--prefix-cache", options.prefix_cache,
          "Computed beginnings of prompts are kept and used again: in a radix tree, a hash table, or not at all")
      ->group(kEngineGroup)
      ->type_name("NAME")
      ->check(CLI::IsMember({"radix", "hash", "none"}));
  command
      .add_option("--queue-order", options.queue_order,
                  "Who is admitted first: fcfs = who came first; lpm = of whom the prefix cache has most; dfs-weight = "
                  "prompts that begin alike one after the other")
      ->group(kEngineGroup)
      ->type_name("NAME")
      ->check(CLI::IsMember({"fcfs", "lpm", "dfs-weight"}));
  command
      .add_option("--max-overtaken", options.max_overtaken,
                  "So many later requests may be admitted before a request that came earlier")
      ->group(kEngineGroup)
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20).description(""));
  command.add_option("--block-size", options.page_size, "Tokens in a page of the cache")
      ->group(kEngineGroup)
      ->type_name("N")
      ->check(CLI::IsMember({16, 32, 64, 128, 256}));
  AddSize(command, "--kv-cache-memory", options.kv_cache_bytes,
          fmt::format("Memory for cached keys and values, such as 512M or 4G (default: {:.0f} % of free memory, or "
                      "what --max-num-seqs can use)",
                      engine::kKvCacheShare * 100));
  AddSize(command, "--swap-space", options.swap_space_bytes,
          "Room for keys and values that the cache must give up, of ended and of preempted requests: they come back "
          "from there instead of being computed again (default: none)");
  command
      .add_option("--swap-dir", options.swap_directory,
                  "Have that room on the disk of this folder instead of in memory; nothing is left there")
      ->group(kEngineGroup)
      ->type_name("DIR");
}

void AddSamplingOptions(CLI::App& command, sampling::SamplingParams& params) {
  const auto add = [&](const char* name, auto& value, const std::string& description) {
    return OnePerFlag(command.add_option(name, value, description)->group(kSamplingGroup));
  };
  add("--temperature", params.temperature, "0 = always the likeliest token; 1 = as the model was trained")
      ->type_name("T");
  add("--seed", params.seed, "The same seed gives the same text; without it, another one each time")->type_name("N");
  add("--top-k", params.top_k, "Draw from the K likeliest tokens; 0 = from all")->type_name("K");
  add("--top-p", params.top_p, "Draw from the likeliest tokens that together have this probability")->type_name("P");
  add("--min-p", params.min_p, "Draw from tokens at least this many times as likely as the likeliest")->type_name("P");
  add("--repetition-penalty", params.repetition_penalty, "Above 1: tokens of prompt and output become less likely")
      ->type_name("X");
  add("--presence-penalty", params.presence_penalty, "Subtracted from the logits of tokens in the output")
      ->type_name("X");
  add("--frequency-penalty", params.frequency_penalty, "The same, for each time that the token occurs")->type_name("X");
  add("--min-tokens", params.min_tokens, "Do not end before this many tokens")->type_name("N");
  add("--stop", params.stop, "End before this text; can be given several times")->type_name("TEXT");
  add("--stop-token-ids", params.stop_token_ids, "End at any of these tokens: 1,2,3")->type_name("IDS")->delimiter(',');
  command.add_flag("--ignore-eos", params.ignore_eos, "Go on where the model wants to end")->group(kSamplingGroup);
}

void CheckSamplingOptions(const sampling::SamplingParams& params) {
  // Token ids are checked by the engine, which knows the vocabulary.
  const Status status = sampling::Validate(params, std::numeric_limits<TokenId>::max());
  if (!status) throw CLI::ValidationError(status.error().message);
}

void StartFromDefaults(const CLI::App& command, sampling::SamplingDefaults defaults, sampling::SamplingParams& params) {
  const auto yield_to_flag = [&](const char* flag, auto& value) {
    if (command.count(flag) > 0) value.reset();
  };
  yield_to_flag("--temperature", defaults.temperature);
  yield_to_flag("--top-k", defaults.top_k);
  yield_to_flag("--top-p", defaults.top_p);
  yield_to_flag("--min-p", defaults.min_p);
  yield_to_flag("--repetition-penalty", defaults.repetition_penalty);
  defaults.StartFrom(/*use_beam_search=*/false, params);
  defaults.Limit(params);
}

}  // namespace tenfold::cli
