// tenfold chat: a conversation in the terminal.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "tenfold/base/print.h"
#include "tenfold/cli/chat_template_option.h"
#include "tenfold/cli/commands.h"
#include "tenfold/cli/completion.h"
#include "tenfold/cli/event_queue.h"
#include "tenfold/cli/generation_config_option.h"
#include "tenfold/cli/interrupt_watch.h"
#include "tenfold/cli/loaded_model.h"
#include "tenfold/cli/model_source.h"
#include "tenfold/cli/options.h"
#include "tenfold/engine/engine.h"
#include "tenfold/tokenizer/chat_renderer.h"

namespace tenfold::cli {
namespace {

struct ChatFlags {
  std::string model;
  ComputeOptions compute;
  engine::EngineOptions engine;
  sampling::SamplingParams sampling;
  std::string system;
  std::string chat_template;  // a file; empty: the model's own
  std::string generation_config = kGenerationConfigOfModel;
};

// The messages so far, and one turn after the other.
class Conversation {
 public:
  Conversation(const ChatFlags& flags, tokenizer::ChatRenderer renderer, engine::Engine& engine, EventQueue& events,
               InterruptWatch& interrupts)
      : flags_(&flags), renderer_(std::move(renderer)), engine_(&engine), events_(&events), interrupts_(&interrupts) {
    Reset();
  }

  void Reset() {
    messages_.clear();
    if (!flags_->system.empty()) Add("system", flags_->system);
  }

  // Writes the answer to standard output as it comes. After an error the turn is as if it had not been.
  Status Say(std::string text) {
    Add("user", text);
    Result<Completion> completion = Answer();
    if (!completion) {
      messages_.pop_back();
      return tl::unexpected(completion.error());
    }
    Add("assistant", completion->samples.front().text);
    return {};
  }

 private:
  void Add(std::string_view role, std::string_view content) {
    messages_.push_back({{"role", role}, {"content", content}});
  }

  Result<Completion> Answer() {
    ASSIGN_OR_RETURN(const std::vector<tokenizer::PromptSegment> segments, renderer_.Render({{"messages", messages_}}));
    std::vector<TokenId> prompt = engine_->tokenizer().Encode(segments, /*add_special=*/false);
    engine::Request request{.id = ++last_request_, .prompt = std::move(prompt), .sampling = flags_->sampling};
    // Nothing but the text says that a plain turn is over.
    if (renderer_.is_plain()) request.sampling.stop.emplace_back("\nUser:");
    const auto print = [](int, std::string_view piece) {
      fmt::print("{}", piece);
      std::fflush(stdout);
    };
    return Complete(*engine_, *events_, std::move(request),
                    {.on_text = print, .wants_to_stop = [this] { return interrupts_->Take(); }});
  }

  const ChatFlags* flags_;
  tokenizer::ChatRenderer renderer_;
  engine::Engine* engine_;
  EventQueue* events_;
  InterruptWatch* interrupts_;
  json::array messages_;
  engine::RequestId last_request_ = 0;
};

// The next line, or nullopt at the end of input. A Ctrl-C that came too late for the last answer is forgotten.
std::optional<std::string> ReadLine(InterruptWatch& interrupts, bool is_terminal) {
  interrupts.Take();
  const InterruptWatch::LetThrough ends_program;
  if (is_terminal) {
    fmt::print("> ");
    std::fflush(stdout);
  }
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

Status RunChat(ChatFlags& flags, const CLI::App& command) {
  ASSIGN_OR_RETURN(const std::string chat_template, ReadChatTemplate(flags.chat_template));
  ASSIGN_OR_RETURN(const std::filesystem::path path, LocalModel(flags.model));  // while Ctrl-C still ends the program
  InterruptWatch interrupts;  // before any other thread starts, or that one would take the signal
  ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(path.string(), flags.compute));
  ASSIGN_OR_RETURN(const sampling::SamplingDefaults defaults,
                   ChooseSamplingDefaults(flags.generation_config, *loaded.model));
  StartFromDefaults(command, defaults, flags.sampling);
  { const InterruptWatch::LetThrough ends_program; }  // if it was pressed while loading
  tokenizer::ChatRenderer renderer = MakeChatRenderer(loaded.model->tokenizer(), chat_template);
  EventQueue events;
  ASSIGN_OR_RETURN(const auto engine,
                   engine::Engine::Create(flags.engine, *loaded.model, *loaded.kernels, *loaded.threads, events));
  Conversation conversation(flags, std::move(renderer), *engine, events, interrupts);
  const bool is_terminal = isatty(STDIN_FILENO) == 1;
  if (is_terminal) Print(stderr, "Ctrl-C stops an answer, /reset forgets the conversation, Ctrl-D leaves.\n");
  while (const auto line = ReadLine(interrupts, is_terminal)) {
    if (*line == "/exit") return {};
    if (line->empty()) continue;
    if (*line == "/reset") {
      conversation.Reset();
      continue;
    }
    const Status said = conversation.Say(*line);
    fmt::print("\n");
    std::fflush(stdout);
    if (!said) {
      if (!is_terminal) return said;
      Print(stderr, "tenfold: error: {}\n", said.error().message);
    }
  }
  if (is_terminal) fmt::print("\n");
  return {};
}

}  // namespace

Command AddChat(CLI::App& program) {
  CLI::App* command = program.add_subcommand(
      "chat", "Talk with a model in the terminal. Ctrl-C stops an answer, /reset forgets what was said, /exit leaves");
  auto flags = std::make_shared<ChatFlags>();
  AddModelPath(*command, flags->model);
  command->add_option("--system", flags->system, "What the model is told before the conversation")->type_name("TEXT");
  AddChatTemplateOption(*command, flags->chat_template);
  flags->sampling.temperature = 0.7;
  flags->sampling.max_tokens.reset();
  command
      ->add_option("--max-tokens", flags->sampling.max_tokens,
                   "End an answer after this many tokens (default: as far as the context reaches)")
      ->type_name("N");
  AddSamplingOptions(*command, flags->sampling);
  AddGenerationConfigOption(*command, flags->generation_config);
  AddComputeOptions(*command, flags->compute);
  AddEngineOptions(*command, flags->engine);
  command->callback([flags] { CheckSamplingOptions(flags->sampling); });
  return {command, [flags, command] { return RunChat(*flags, *command); }};
}

}  // namespace tenfold::cli
