#include "tenfold/tokenizer/chat_renderer.h"

#include <ctime>
#include <string>
#include <utility>

#include "tenfold/base/trimmed.h"

namespace tenfold::tokenizer {
namespace {

constexpr std::string_view kPlainTemplate = R"({{- bos_token }}
{%- for message in messages %}
  {%- if message.role not in ['system', 'user', 'assistant'] %}
    {{- raise_exception('this model has no chat template, so it knows no role "' ~ message.role ~ '"') }}
  {%- endif %}
  {{- message.role | capitalize ~ ': ' ~ message.content ~ '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
  {{- 'Assistant:' }}
{%- endif %})";

// Ends the prompt behind the last place where it says `text`, white space around which the template may have taken
// away.
Status CutAfter(std::string_view text, std::vector<PromptSegment>& segments) {
  text = Trimmed(text);
  if (text.empty()) return MakeError(ErrorCode::kInvalidArgument, "the last message cannot be continued: it is empty");
  // Only where the text came from the inputs: "end" stands in "<|im_end|>", too.
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    const size_t found = segment->parse_special ? std::string::npos : segment->text.rfind(text);
    if (found == std::string::npos) continue;
    segment->text.resize(found + text.size());
    segments.erase(segment.base(), segments.end());
    return {};
  }
  return MakeError(ErrorCode::kInvalidArgument,
                   "the last message cannot be continued: the model's chat template does not "
                   "write its text as it is");
}

std::tm LocalTime() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return local;
}

}  // namespace

Result<ChatRenderer> ChatRenderer::Create(const Tokenizer& tokenizer, std::string_view source) {
  ASSIGN_OR_RETURN(ChatTemplate parsed, ChatTemplate::Parse(source.empty() ? kPlainTemplate : source));
  return ChatRenderer(tokenizer, std::move(parsed), source.empty());
}

Result<std::vector<PromptSegment>> ChatRenderer::Render(json::object inputs,
                                                        std::optional<std::string_view> unfinished) const {
  const auto add_token = [&](std::string_view name, TokenId token) {
    inputs[name] = token == kNoToken ? std::string_view() : tokenizer_->TokenText(token);
  };
  add_token("bos_token", tokenizer_->bos());
  add_token("eos_token", tokenizer_->eos());
  for (const char* other : {"unk_token", "pad_token"}) inputs.erase(other);  // count as the template's own text
  if (!inputs.contains("add_generation_prompt")) inputs["add_generation_prompt"] = true;
  ASSIGN_OR_RETURN(std::vector<PromptSegment> segments, template_.Render(inputs, {.now = LocalTime()}));
  if (unfinished) RETURN_IF_ERROR(CutAfter(*unfinished, segments));
  return segments;
}

}  // namespace tenfold::tokenizer
