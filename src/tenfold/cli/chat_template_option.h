// --chat-template, and what a program says about the template that a model brings.
#pragma once

#include <string>

#include <CLI/App.hpp>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/chat_renderer.h"

namespace tenfold::cli {

// A file with a Jinja template, in place of the model's own.
void AddChatTemplateOption(CLI::App& command, std::string& path);

// The file's text; empty when no file was given. Errors: of reading it, and of the template in it; they name the file.
Result<std::string> ReadChatTemplate(const std::string& path);

// By `source`, or by the model's own template where that is empty. A model without a template, or with one that cannot
// be read, still talks, only worse: by the plain one, with a warning on standard error.
tokenizer::ChatRenderer MakeChatRenderer(const tokenizer::Tokenizer& tokenizer, const std::string& source);

}  // namespace tenfold::cli
