// ChatTemplate: a model's own chat template, in the language Jinja as Hugging Face models use it, and the prompts that
// it writes.
//
// The language is whole (jinja/ has a file for each part): statements, expressions, filters, tests, methods of strings,
// lists and mappings, white space control with trim_blocks and lstrip_blocks. What is about files (include, extends) is
// refused.
//
// What users wrote is never parsed for special tokens. Every string of a rendering knows which of its bytes came from
// the inputs, through all that the template does with them, and Render returns the prompt cut into segments: the
// template's own text may hold special tokens, inputs may not. So nobody ends a turn early or speaks for the system,
// whatever the template.
//
// Templates come with model files and inputs from anyone: none of them may crash, hang or exhaust the server. Depth,
// steps and memory are limited (RenderLimits).
//
// Immutable and cheap to copy; any thread may render.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/workspace.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::tokenizer {

namespace jinja {
struct Template;
}

using RenderLimits = jinja::RenderLimits;

struct RenderOptions {
  std::optional<std::tm> now = std::nullopt;  // what strftime_now tells; without it, the function is undefined
  RenderLimits limits = {};
};

class ChatTemplate {
 public:
  // Errors: kInvalidArgument with line and column for what is not the language, kUnsupported for parts of it that are
  // not here, kResourceExhausted for nesting of more than a hundred levels.
  static Result<ChatTemplate> Parse(std::string_view source);

  // The prompt for `inputs`: messages, tools, documents, add_generation_prompt, and whatever else the template reads.
  // The texts of tokens (bos_token, eos_token, unk_token, pad_token) count as the template's; everything else is input,
  // so nothing that a user sent may be given under these names. Null for tools or documents is as if they were left
  // out. Neighbouring segments differ in kind; none is empty. Costs time and memory linear in the inputs for ordinary
  // templates.
  //
  // Errors: kInvalidArgument, with the template's own words when it refuses the conversation (raise_exception), else
  // with the line; kUnsupported for filters and tests that are not known; kResourceExhausted.
  Result<std::vector<PromptSegment>> Render(const json::object& inputs, const RenderOptions& options = {}) const;

 private:
  explicit ChatTemplate(std::shared_ptr<const jinja::Template> parsed);

  std::shared_ptr<const jinja::Template> parsed_;
};

}  // namespace tenfold::tokenizer
