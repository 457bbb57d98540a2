#include "tenfold/tokenizer/chat_template.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tenfold/tokenizer/jinja/builtin.h"
#include "tenfold/tokenizer/jinja/interpreter.h"
#include "tenfold/tokenizer/jinja/json_text.h"
#include "tenfold/tokenizer/jinja/parser.h"
#include "tenfold/tokenizer/jinja/time_function.h"

namespace tenfold::tokenizer {
namespace {

bool IsTokenText(std::string_view name) {
  constexpr std::string_view kTokenTexts[] = {"bos_token", "eos_token", "unk_token", "pad_token"};
  return std::ranges::find(kTokenTexts, name) != std::end(kTokenTexts);
}

// What a template finds beside the inputs, which may hide it.
Status DefineFunctions(jinja::Interpreter& interpreter, const RenderOptions& options) {
  jinja::Workspace& workspace = interpreter.workspace();
  for (const jinja::BuiltinRow& row : jinja::GlobalFunctions()) {
    if (!interpreter.Mentions(row.name)) continue;
    ASSIGN_OR_RETURN(auto* function, workspace.NewObject<jinja::BuiltinFunction>(row, jinja::Value()));
    RETURN_IF_ERROR(interpreter.Define(row.name, jinja::Value(function)));
  }
  if (options.now) {
    ASSIGN_OR_RETURN(const jinja::Value function, jinja::NewTimeFunction(workspace, *options.now));
    RETURN_IF_ERROR(interpreter.Define("strftime_now", function));
  }
  return {};
}

// Of tools and documents, null means that there are none: templates that loop over them without asking work with what
// is undefined, not with none.
bool IsAbsent(std::string_view name, const json::value& input) {
  return input.is_null() && (name == "tools" || name == "documents");
}

Status DefineInputs(jinja::Interpreter& interpreter, const json::object& inputs) {
  for (const auto& [name, input] : inputs) {
    if (!interpreter.Mentions(name) || IsAbsent(name, input)) continue;
    ASSIGN_OR_RETURN(const jinja::Value value, jinja::FromJson(interpreter.workspace(), input, !IsTokenText(name)));
    RETURN_IF_ERROR(interpreter.Define(name, value));
  }
  return {};
}

}  // namespace

ChatTemplate::ChatTemplate(std::shared_ptr<const jinja::Template> parsed) : parsed_(std::move(parsed)) {}

Result<ChatTemplate> ChatTemplate::Parse(std::string_view source) {
  ASSIGN_OR_RETURN(std::shared_ptr<const jinja::Template> parsed, jinja::ParseTemplate(source));
  return ChatTemplate(std::move(parsed));
}

Result<std::vector<PromptSegment>> ChatTemplate::Render(const json::object& inputs,
                                                        const RenderOptions& options) const {
  jinja::Workspace workspace(options.limits);
  jinja::Interpreter interpreter(*parsed_, workspace);
  RETURN_IF_ERROR(DefineFunctions(interpreter, options));
  RETURN_IF_ERROR(DefineInputs(interpreter, inputs));
  ASSIGN_OR_RETURN(const jinja::Text prompt, interpreter.Run());
  return prompt.Segments();
}

}  // namespace tenfold::tokenizer
