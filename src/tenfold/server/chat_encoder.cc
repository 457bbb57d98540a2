#include "tenfold/server/chat_encoder.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "tenfold/base/logging.h"
#include "tenfold/base/trimmed.h"

namespace tenfold::server {
namespace {

const std::string& ChosenTemplate(const ChatEncoderOptions& options, const tokenizer::Tokenizer& tokenizer) {
  return options.chat_template.empty() ? tokenizer.chat_template() : options.chat_template;
}

// The text ends with reasoning that has begun: behind its first tag stands nothing, or, in a message that is to go on,
// anything but the other tag.
bool EndsInReasoning(std::string_view text, const ReasoningTags& tags, bool may_have_text) {
  const size_t found = text.rfind(tags.begin);
  if (found == std::string_view::npos) return false;
  const std::string_view behind = text.substr(found + tags.begin.size());
  return may_have_text ? behind.find(tags.end) == std::string_view::npos : Trimmed(behind).empty();
}

bool HasSpecialMarker(const ChatAnswerFormat& format, const tokenizer::Tokenizer& tokenizer) {
  const std::string_view markers[] = {format.reasoning.end, CallMarker(format.tool_calls)};
  return std::ranges::any_of(markers, [&](std::string_view marker) {
    const std::vector<TokenId> ids = tokenizer.Encode(marker, {.add_special = false, .parse_special = true});
    return ids.size() == 1 && tokenizer.IsSpecial(ids.front());
  });
}

}  // namespace

ChatEncoder::ChatEncoder(const ChatEncoderOptions& options, const tokenizer::Tokenizer& tokenizer)
    : tokenizer_(tokenizer),
      renderer_(tokenizer::ChatRenderer::Create(tokenizer, ChosenTemplate(options, tokenizer))),
      knows_tools_(ChosenTemplate(options, tokenizer).find("tools") != std::string::npos),
      tool_calls_(options.tool_calls.value_or(FindToolCallFormat(ChosenTemplate(options, tokenizer)))) {
  if (options.splits_reasoning) reasoning_ = FindReasoningTags(ChosenTemplate(options, tokenizer));
  // Completions are served in any case.
  if (!renderer_) {
    LogWarning("the model's chat template cannot be read, so chats are refused: {}; --chat-template gives another one",
               renderer_.error().message);
  } else if (renderer_->is_plain()) {
    LogWarning(
        "the model brings no chat template: chats are written as \"User: ...\" and \"Assistant: ...\"; "
        "--chat-template gives another one");
  } else if (knows_tools_ && tool_calls_ == ToolCallFormat::kNone && !options.tool_calls) {
    LogWarning("the format in which this model calls tools is not known: calls stay text; see --tool-call-parser");
  }
}

ApiResult<EncodedChat> ChatEncoder::Encode(const ChatPrompt& chat) const {
  if (!renderer_) {
    return tl::unexpected(ApiError{
        400,
        fmt::format("this model's chat template cannot be read: {}; start the server with --chat-template, or send "
                    "prompts to /v1/completions",
                    renderer_.error().message),
        {},
        "no_chat_template"});
  }
  if (!chat.tools.empty() && !knows_tools_) {
    return BadField("tools", "cannot be shown to this model: its chat template knows none");
  }
  std::optional<std::string_view> unfinished;
  if (chat.continue_final_message) unfinished = chat.messages.back().content;
  const auto segments = renderer_->Render(chat.TemplateInputs(), unfinished);
  if (!segments) return tl::unexpected(ApiError{400, segments.error().message, "messages", "invalid_value"});
  EncodedChat encoded{.prompt = tokenizer_.Encode(*segments, /*add_special=*/false),
                      .answer_format = AnswerFormat(chat, *segments)};
  encoded.wants_special_tokens = HasSpecialMarker(encoded.answer_format, tokenizer_);
  if (renderer_->is_plain()) encoded.stop_string = "\nUser:";
  return encoded;
}

ChatAnswerFormat ChatEncoder::AnswerFormat(const ChatPrompt& chat,
                                           const std::vector<tokenizer::PromptSegment>& segments) const {
  ChatAnswerFormat format{.reasoning = reasoning_};
  if (reasoning_.known() && chat.continue_final_message) {
    format.begins_in_reasoning = EndsInReasoning(chat.messages.back().content, reasoning_, /*may_have_text=*/true);
  } else if (reasoning_.known() && !segments.empty() && segments.back().parse_special) {
    // Only the template's own text counts.
    format.begins_in_reasoning = EndsInReasoning(segments.back().text, reasoning_, /*may_have_text=*/false);
  }
  if (chat.tools.empty()) return format;
  format.tool_calls = tool_calls_;
  for (const json::value& tool : chat.tools) {
    const json::string& name = tool.at("function").at("name").get_string();
    format.tools.emplace(name.data(), name.size());
  }
  return format;
}

}  // namespace tenfold::server
