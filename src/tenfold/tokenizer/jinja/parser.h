// The parser: a template's source to its tree.
#pragma once

#include <memory>
#include <string_view>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/ast.h"

namespace tenfold::tokenizer::jinja {

// Statements: if, for, set, macro, call, filter, with, raw, do, break, continue, generation. Filters and tests that are
// not known are an error only where they are used.
// Errors: kInvalidArgument with line and column; kUnsupported for statements of Jinja that are about files (include,
// extends, ...); kResourceExhausted when nesting passes a hundred levels.
Result<std::unique_ptr<const Template>> ParseTemplate(std::string_view source);

}  // namespace tenfold::tokenizer::jinja
