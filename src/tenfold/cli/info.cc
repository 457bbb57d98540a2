// tenfold info: what a model is and what it costs to run, from its headers alone.
#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "tenfold/base/byte_count.h"
#include "tenfold/base/json.h"
#include "tenfold/base/rounding.h"
#include "tenfold/cli/commands.h"
#include "tenfold/cli/model_header.h"
#include "tenfold/cli/model_source.h"
#include "tenfold/cli/options.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/kernels/kv_layout.h"
#include "tenfold/model/runner.h"

namespace tenfold::cli {
namespace {

struct InfoFlags {
  std::string model;
  tensor::DataType kv_cache_type = kernels::kDefaultKvCacheType;
  int64_t max_model_len = 0;
  int64_t max_num_seqs = 1;
  bool list_tensors = false;
  bool json = false;
};

struct TypeTotal {
  int64_t num_tensors = 0;
  int64_t num_elements = 0;
  size_t bytes = 0;
  bool is_supported = false;
};

std::map<std::string, TypeTotal> TotalsByType(const ModelHeader& header) {
  std::map<std::string, TypeTotal> totals;
  for (const TensorHeader& tensor : header.tensors) {
    TypeTotal& total = totals[tensor.type];
    ++total.num_tensors;
    total.num_elements += tensor.num_elements();
    total.bytes += tensor.bytes;
    total.is_supported = tensor.is_supported;
  }
  return totals;
}

// Memory for keys and values of `num_sequences`, each of `num_tokens`.
struct KvMemory {
  int64_t num_tokens;
  int64_t num_sequences;
  size_t bytes_per_token;
  size_t bytes;
};

Result<KvMemory> KvMemoryOf(const model::ModelConfig& config, const InfoFlags& flags) {
  constexpr int64_t kPageSize = 32;  // the engine's default
  const kernels::KvLayout layout = model::KvLayoutOf(config, kPageSize, flags.kv_cache_type);
  KvMemory memory{};
  memory.num_tokens = flags.max_model_len > 0 ? flags.max_model_len : config.context_length;
  memory.num_sequences = flags.max_num_seqs;
  memory.bytes_per_token = layout.page_bytes() / kPageSize;
  const int64_t pages = CeilDivide(memory.num_tokens, kPageSize) * memory.num_sequences;
  if (__builtin_mul_overflow(layout.page_bytes(), static_cast<size_t>(pages), &memory.bytes)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} sequences of {} tokens need more memory than a machine can address", memory.num_sequences,
                     memory.num_tokens);
  }
  return memory;
}

json::object InfoJson(const ModelHeader& header, const KvMemory& kv, bool list_tensors) {
  const model::ModelConfig& config = header.config;
  json::object types;
  for (const auto& [name, total] : TotalsByType(header)) {
    types[name] = {{"tensors", total.num_tensors},
                   {"parameters", total.num_elements},
                   {"bytes", total.bytes},
                   {"supported", total.is_supported}};
  }
  json::object info = {{"format", header.format},
                       {"architecture", config.architecture},
                       {"name", config.name},
                       {"num_layers", config.num_layers},
                       {"hidden_size", config.hidden_size},
                       {"ffn_size", config.ffn_size},
                       {"num_heads", config.num_heads},
                       {"num_kv_heads", config.num_kv_heads},
                       {"head_dim", config.head_dim},
                       {"vocab_size", config.vocab_size},
                       {"context_length", config.context_length},
                       {"tied_head", config.tied_head},
                       {"num_parameters", header.num_parameters()},
                       {"weight_bytes", header.weight_bytes()},
                       {"types", std::move(types)},
                       {"kv_bytes_per_token", kv.bytes_per_token},
                       {"kv_bytes", kv.bytes},
                       {"max_model_len", kv.num_tokens},
                       {"max_num_seqs", kv.num_sequences}};
  if (list_tensors) {
    json::array tensors;
    for (const TensorHeader& tensor : header.tensors) {
      tensors.push_back({{"name", tensor.name},
                         {"shape", json::value_from(tensor.sizes)},
                         {"type", tensor.type},
                         {"bytes", tensor.bytes}});
    }
    info["tensors"] = std::move(tensors);
  }
  return info;
}

void PrintInfo(const ModelHeader& header, const KvMemory& kv, tensor::DataType kv_type, bool list_tensors) {
  const model::ModelConfig& config = header.config;
  const auto row = [](std::string_view name, const std::string& text) { fmt::print("{:<14}{}\n", name, text); };
  row("format", header.format);
  row("architecture", config.name.empty() ? config.architecture
                                          : fmt::format("{}, {}", config.architecture, formats::Quoted(config.name)));
  row("layers", fmt::format("{}, {} wide, FFN {}", config.num_layers, config.hidden_size, config.ffn_size));
  row("heads", fmt::format("{} of {}, on {} key-value heads", config.num_heads, config.head_dim, config.num_kv_heads));
  row("vocabulary", fmt::format("{} tokens, output matrix {}", config.vocab_size,
                                config.tied_head ? "tied to the embeddings" : "of its own"));
  row("context", fmt::format("{} tokens", config.context_length));
  row("parameters", fmt::format("{}", header.num_parameters()));
  row("weights", FormatSize(header.weight_bytes()));
  for (const auto& [name, total] : TotalsByType(header)) {
    row("", fmt::format("{:<5} {:>5} tensors {:>14} parameters {:>10}{}", name, total.num_tensors, total.num_elements,
                        FormatSize(total.bytes), total.is_supported ? "" : "  cannot be computed with"));
  }
  row("keys, values", fmt::format("{} a token in {}", FormatSize(kv.bytes_per_token), tensor::Name(kv_type)));
  row("", fmt::format("{} for {} x {} tokens", FormatSize(kv.bytes), kv.num_sequences, kv.num_tokens));
  row("memory", fmt::format("{} for weights, keys and values", FormatSize(header.weight_bytes() + kv.bytes)));
  if (!list_tensors) return;
  fmt::print("\n");
  for (const TensorHeader& tensor : header.tensors) {
    fmt::print("{:<40} {:<5} {:>10}  [{}]\n", tensor.name, tensor.type, FormatSize(tensor.bytes),
               fmt::join(tensor.sizes, ", "));
  }
}

Status RunInfo(const InfoFlags& flags) {
  ASSIGN_OR_RETURN(const std::filesystem::path path, LocalModel(flags.model));
  ASSIGN_OR_RETURN(const ModelHeader header, ReadModelHeader(path));
  ASSIGN_OR_RETURN(const KvMemory kv, KvMemoryOf(header.config, flags));
  if (flags.json) {
    fmt::print("{}\n", json::serialize(InfoJson(header, kv, flags.list_tensors)));
  } else {
    PrintInfo(header, kv, flags.kv_cache_type, flags.list_tensors);
  }
  return {};
}

}  // namespace

Command AddInfo(CLI::App& program) {
  CLI::App* command =
      program.add_subcommand("info", "Show what a model is and how much memory it takes; reads no weights");
  auto flags = std::make_shared<InfoFlags>();
  AddModelPath(*command, flags->model);
  command
      ->add_option("--max-model-len", flags->max_model_len,
                   "Reckon memory for sequences of this many tokens; 0 = the model's context")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 24).description(""));
  command->add_option("--max-num-seqs", flags->max_num_seqs, "Reckon memory for this many sequences at once")
      ->type_name("N")
      ->check(CLI::Range(1, 65536).description(""));
  command->add_flag("--tensors", flags->list_tensors, "List all tensors: type, size, shape (slowest dimension first)");
  command->add_flag("--json", flags->json, "Print one JSON object; sizes are in bytes");
  AddKvCacheType(*command, flags->kv_cache_type);
  return {command, [flags] { return RunInfo(*flags); }};
}

}  // namespace tenfold::cli
