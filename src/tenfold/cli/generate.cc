// tenfold generate: continues one prompt.
#include <cstdio>
#include <memory>
#include <string>

#include <CLI/App.hpp>

#include "tenfold/base/json.h"
#include "tenfold/base/print.h"
#include "tenfold/cli/commands.h"
#include "tenfold/cli/completion.h"
#include "tenfold/cli/event_queue.h"
#include "tenfold/cli/input_text.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/options.h"
#include "tenfold/engine/engine.h"

namespace tenfold::cli {
namespace {

struct GenerateFlags {
  std::string model;
  ComputeOptions compute;
  engine::EngineOptions engine;
  std::string prompt;
  std::vector<TokenId> prompt_ids;
  int max_tokens = 128;
  sampling::SamplingParams sampling;
  bool json = false;
};

Result<std::vector<TokenId>> EncodePrompt(const GenerateFlags& flags, const tokenizer::Tokenizer& tokenizer) {
  if (!flags.prompt_ids.empty()) return flags.prompt_ids;
  std::string text = flags.prompt;
  if (text == "-") {
    ASSIGN_OR_RETURN(text, ReadStandardInput());
  }
  return tokenizer.Encode(text, {.add_special = true, .parse_special = true});
}

json::array LogprobsJson(const std::vector<engine::TokenLogprobs>& logprobs, const std::vector<TokenId>& tokens) {
  json::array entries;
  for (size_t i = 0; i < logprobs.size(); ++i) {
    json::array top;
    for (const sampling::TokenLogprob& likely : logprobs[i].top) top.push_back({likely.token, likely.logprob});
    entries.push_back({{"token_id", tokens[i]}, {"logprob", logprobs[i].logprob}, {"top", std::move(top)}});
  }
  return entries;
}

json::object SampleJson(const CompletedSample& sample, bool with_logprobs) {
  json::object object = {{"token_ids", json::value_from(sample.tokens)},
                         {"text", sample.text},
                         {"finish_reason", FinishReasonName(sample.finish)}};
  if (with_logprobs) object["logprobs"] = LogprobsJson(sample.logprobs, sample.tokens);
  return object;
}

void PrintJson(const std::vector<TokenId>& prompt, const Completion& completion, double load_ms, bool with_logprobs) {
  json::object answer = {{"prompt_ids", json::value_from(prompt)}};
  if (completion.samples.size() == 1) {
    for (auto& [key, value] : SampleJson(completion.samples.front(), with_logprobs)) answer[key] = value;
  } else {
    json::array samples;
    for (const CompletedSample& sample : completion.samples) samples.push_back(SampleJson(sample, with_logprobs));
    answer["samples"] = std::move(samples);
  }
  answer["timings"] = {{"load_ms", load_ms},
                       {"prefill_ms", completion.prefill_ms},
                       {"decode_ms", completion.decode_ms},
                       {"prefill_tok_s", completion.prefill_tokens_per_s()},
                       {"decode_tok_s", completion.decode_tokens_per_s()}};
  fmt::print("{}\n", json::serialize(answer));
}

void PrintStatistics(const Completion& completion, double load_ms) {
  size_t num_tokens = 0;
  for (const CompletedSample& sample : completion.samples) num_tokens += sample.tokens.size();
  Print(stderr,
        "load {:.0f} ms | prompt {} tokens, {:.1f} ms, {:.1f} tok/s | output {} tokens, {:.1f} ms, {:.1f} tok/s\n",
        load_ms, completion.num_prompt_tokens, completion.prefill_ms, completion.prefill_tokens_per_s(), num_tokens,
        completion.decode_ms, completion.decode_tokens_per_s());
}

Status RunGenerate(const GenerateFlags& flags) {
  ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(flags.model, flags.compute));
  EventQueue events;
  ASSIGN_OR_RETURN(const auto engine,
                   engine::Engine::Create(flags.engine, *loaded.model, *loaded.kernels, *loaded.threads, events));
  ASSIGN_OR_RETURN(const std::vector<TokenId> prompt, EncodePrompt(flags, loaded.model->tokenizer()));

  // One sample is shown while it is written; several would interleave, so they are shown when all are done.
  const bool streams = !flags.json && flags.sampling.n == 1;
  CompletionWatcher watcher;
  if (streams) {
    watcher.on_text = [](int, std::string_view text) {
      fmt::print("{}", text);
      std::fflush(stdout);
    };
  }
  ASSIGN_OR_RETURN(const Completion completion,
                   Complete(*engine, events, {.id = 1, .prompt = prompt, .sampling = flags.sampling}, watcher));
  if (flags.json) {
    PrintJson(prompt, completion, loaded.load_ms, flags.sampling.num_logprobs.has_value());
    return {};
  }
  if (streams) {
    fmt::print("\n");
  } else {
    for (size_t i = 0; i < completion.samples.size(); ++i) fmt::print("[{}] {}\n", i, completion.samples[i].text);
  }
  std::fflush(stdout);
  PrintStatistics(completion, loaded.load_ms);
  return {};
}

}  // namespace

Command AddGenerate(CLI::App& program) {
  CLI::App* command = program.add_subcommand("generate", "Continue one prompt and print the text as it is written");
  auto flags = std::make_shared<GenerateFlags>();
  AddModelPath(*command, flags->model);
  CLI::Option* prompt =
      command->add_option("--prompt", flags->prompt, "The text to continue; - reads it from standard input")
          ->type_name("TEXT");
  CLI::Option* prompt_ids =
      command->add_option("--prompt-ids", flags->prompt_ids, "The prompt as token ids: 1,2,3; nothing is added to them")
          ->type_name("IDS")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->excludes(prompt);
  command->add_option("--max-tokens", flags->max_tokens, "End after this many tokens")->type_name("N");
  command->add_option("--n", flags->sampling.n, "Texts to write from the same prompt")->type_name("N");
  CLI::Option* as_json = command->add_flag(
      "--json", flags->json,
      "Print one JSON object: prompt_ids, token_ids, text, finish_reason, logprobs, timings; with --n "
      "above 1, samples holds one object for each text");
  command
      ->add_option("--logprobs", flags->sampling.num_logprobs,
                   "Report log-probabilities of each token and of the N likeliest in its place")
      ->type_name("N")
      ->needs(as_json);
  flags->sampling.temperature = 0;
  AddSamplingOptions(*command, flags->sampling);
  AddComputeOptions(*command, flags->compute);
  AddEngineOptions(*command, flags->engine);
  command->callback([flags, prompt, prompt_ids] {
    if (prompt->count() + prompt_ids->count() == 0) throw CLI::RequiredError("--prompt TEXT or --prompt-ids IDS");
    flags->sampling.max_tokens = flags->max_tokens;
    CheckSamplingOptions(flags->sampling);
  });
  return {command, [flags] { return RunGenerate(*flags); }};
}

}  // namespace tenfold::cli
