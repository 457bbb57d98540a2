#include "tenfold/cli/chat_template_option.h"

#include <fmt/format.h>

#include "tenfold/base/print.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::cli {

void AddChatTemplateOption(CLI::App& command, std::string& path) {
  command
      .add_option("--chat-template", path,
                  "File with the Jinja template that writes conversations for the model, in place of its own")
      ->type_name("FILE");
}

Result<std::string> ReadChatTemplate(const std::string& path) {
  if (path.empty()) return std::string();
  constexpr size_t kMostBytes = 1 << 20;
  ASSIGN_OR_RETURN(std::string source, platform::ReadTextFile(path, kMostBytes));
  if (source.empty()) return MakeError(ErrorCode::kInvalidArgument, "{}: the file is empty", path);
  const auto parsed = tokenizer::ChatTemplate::Parse(source);
  if (!parsed) return MakeError(parsed.error().code, "{}: {}", path, parsed.error().message);
  return source;
}

tokenizer::ChatRenderer MakeChatRenderer(const tokenizer::Tokenizer& tokenizer, const std::string& source) {
  const std::string& chosen = source.empty() ? tokenizer.chat_template() : source;
  auto renderer = tokenizer::ChatRenderer::Create(tokenizer, chosen);
  if (renderer && !renderer->is_plain()) return *std::move(renderer);
  Print(stderr, "tenfold: warning: {}; writing \"User: ...\" and \"Assistant: ...\" instead\n",
        renderer ? "the model brings no chat template"
                 : fmt::format("the model's chat template cannot be read: {}", renderer.error().message));
  return renderer ? *std::move(renderer) : tokenizer::ChatRenderer::Create(tokenizer, "").value();
}

}  // namespace tenfold::cli
