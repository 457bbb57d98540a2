#include "tenfold/tokenizer/chat_format.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::tokenizer {
namespace {

// The markers around a message. {bos} and {eos} stand for the model's tokens.
struct Turn {
  std::string_view before;
  std::string_view after;
};

struct Row {
  ChatFormat format;
  // Both must be in the template. Rows are tried in order.
  std::string_view marker = "";
  std::string_view second_marker = "";
  Turn user;
  Turn assistant;
  // Around a system message; where it has no turn of its own, this stands inside the first user's turn.
  Turn system;
  bool system_has_turn = true;
  std::string_view generation = "";      // where the model's next turn begins
  std::string_view between_rounds = "";  // before every user's turn but the first
  bool trims = false;                    // white space around messages is dropped
};

constexpr Row kRows[] = {
    {.format = ChatFormat::kChatMl,
     .marker = "<|im_start|>",
     .user = {"<|im_start|>user\n", "<|im_end|>\n"},
     .assistant = {"<|im_start|>assistant\n", "<|im_end|>\n"},
     .system = {"<|im_start|>system\n", "<|im_end|>\n"},
     .generation = "<|im_start|>assistant\n"},
    {.format = ChatFormat::kLlama3,
     .marker = "<|start_header_id|>",
     .user = {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
     .assistant = {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"},
     .system = {"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
     .generation = "<|start_header_id|>assistant<|end_header_id|>\n\n",
     .trims = true},
    {.format = ChatFormat::kGemma,
     .marker = "<start_of_turn>",
     .user = {"<start_of_turn>user\n", "<end_of_turn>\n"},
     .assistant = {"<start_of_turn>model\n", "<end_of_turn>\n"},
     .system = {"", "\n\n"},
     .system_has_turn = false,
     .generation = "<start_of_turn>model\n",
     .trims = true},
    {.format = ChatFormat::kPhi3,
     .marker = "<|user|>",
     .second_marker = "<|end|>",
     .user = {"<|user|>\n", "<|end|>\n"},
     .assistant = {"<|assistant|>\n", "<|end|>\n"},
     .system = {"<|system|>\n", "<|end|>\n"},
     .generation = "<|assistant|>\n"},
    {.format = ChatFormat::kZephyr,
     .marker = "<|user|>",
     .user = {"<|user|>\n", "{eos}\n"},
     .assistant = {"<|assistant|>\n", "{eos}\n"},
     .system = {"<|system|>\n", "{eos}\n"},
     .generation = "<|assistant|>\n"},
    {.format = ChatFormat::kLlama2,
     .marker = "[INST]",
     .second_marker = "<<SYS>>",
     .user = {"[INST] ", " [/INST]"},
     .assistant = {" ", " {eos}"},
     .system = {"<<SYS>>\n", "\n<</SYS>>\n\n"},
     .system_has_turn = false,
     .between_rounds = "{bos}",
     .trims = true},
    {.format = ChatFormat::kMistral,
     .marker = "[INST] ",
     .user = {"[INST] ", " [/INST]"},
     .assistant = {" ", "{eos}"},
     .system = {"", "\n\n"},
     .system_has_turn = false},
    {.format = ChatFormat::kTekken,
     .marker = "[INST]",
     .user = {"[INST]", "[/INST]"},
     .assistant = {"", "{eos}"},
     .system = {"", "\n\n"},
     .system_has_turn = false},
    {.format = ChatFormat::kPlain,
     .user = {"User: ", "\n"},
     .assistant = {"Assistant: ", "\n"},
     .system = {"", "\n\n"},
     .generation = "Assistant:"},
};

// Collects markers and contents, neighbours of the same sort in one segment.
class PromptWriter {
 public:
  PromptWriter(std::string_view bos, std::string_view eos) : bos_(bos), eos_(eos) {}

  void Marker(std::string_view marker) {
    std::string text(marker);
    for (const auto& [name, value] : {std::pair{std::string_view("{bos}"), bos_}, {"{eos}", eos_}}) {
      if (const size_t at = text.find(name); at != std::string::npos) text.replace(at, name.size(), value);
    }
    Append(text, true);
  }
  void Message(const Turn& turn, std::string_view content, bool trims) {
    Marker(turn.before);
    Content(content, trims);
    Marker(turn.after);
  }
  void Content(std::string_view content, bool trims) {
    if (trims) {
      constexpr std::string_view kWhitespace = " \t\n\v\f\r";
      content.remove_prefix(std::min(content.find_first_not_of(kWhitespace), content.size()));
      content = content.substr(0, content.find_last_not_of(kWhitespace) + 1);
    }
    Append(content, false);
  }
  std::vector<PromptSegment> Take() { return std::move(segments_); }

 private:
  void Append(std::string_view text, bool parse_special) {
    if (text.empty()) return;
    if (segments_.empty() || segments_.back().parse_special != parse_special) segments_.push_back({"", parse_special});
    segments_.back().text += text;
  }

  std::string_view bos_;
  std::string_view eos_;
  std::vector<PromptSegment> segments_;
};

const Row& RowOf(ChatFormat format) {
  for (const Row& row : kRows) {
    if (row.format == format) return row;
  }
  CHECK_MSG(false, "chat format {} has no row", static_cast<int>(format));
}

}  // namespace

Result<ChatFormat> DetectChatFormat(std::string_view chat_template) {
  if (chat_template.empty()) return ChatFormat::kPlain;
  for (const Row& row : kRows) {
    if (row.format == ChatFormat::kPlain) continue;
    const bool matches = chat_template.find(row.marker) != std::string_view::npos &&
                         chat_template.find(row.second_marker) != std::string_view::npos;
    if (matches) return row.format;
  }
  return MakeError(
      ErrorCode::kUnsupported,
      "the model's chat template is not of a known format (ChatML, Llama 2, Llama 3, Mistral, Gemma, Phi-3, "
      "Zephyr); write the prompt yourself and use plain completion");
}

Result<std::vector<PromptSegment>> RenderChat(ChatFormat format, std::span<const ChatMessage> messages,
                                              std::string_view bos, std::string_view eos) {
  if (messages.empty()) return MakeError(ErrorCode::kInvalidArgument, "a conversation needs at least one message");
  const Row& row = RowOf(format);
  PromptWriter prompt(bos, eos);
  const std::string* waiting_system = nullptr;  // until the first user's turn
  bool is_first_round = true;
  for (size_t i = 0; i < messages.size(); ++i) {
    const auto& [role, content] = messages[i];
    if (role == "system" && !row.system_has_turn) {
      if (i > 0) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "message {}: in this model's prompt format a system message must be the first", i);
      }
      waiting_system = &content;
    } else if (role == "system") {
      prompt.Message(row.system, content, row.trims);
    } else if (role == "user") {
      if (!is_first_round) prompt.Marker(row.between_rounds);
      is_first_round = false;
      prompt.Marker(row.user.before);
      if (waiting_system != nullptr) {
        prompt.Message(row.system, *waiting_system, row.trims);
        waiting_system = nullptr;
      }
      prompt.Content(content, row.trims);
      prompt.Marker(row.user.after);
    } else if (role == "assistant") {
      prompt.Message(row.assistant, content, row.trims);
    } else {
      return MakeError(ErrorCode::kInvalidArgument,
                       "message {}: role \"{}\" is not known here; roles are system, user and assistant", i, role);
    }
  }
  if (waiting_system != nullptr) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "in this model's prompt format a system message needs a user's message after it");
  }
  prompt.Marker(row.generation);
  return prompt.Take();
}

}  // namespace tenfold::tokenizer
