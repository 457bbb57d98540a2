// The lexer: cuts a template into text, and the tokens of its tags.
//
//   {{ expression }}   {% statement %}   {# comment #}   {% raw %} text {% endraw %}
//
// White space around tags is settled here, as chat templates are read everywhere (Jinja with trim_blocks and
// lstrip_blocks): the first newline behind a statement or comment goes, as does the white space between the beginning
// of a line and a statement or comment. "-" inside a tag's border takes all white space on its side, "+" keeps what
// would go. One newline at the end of the template goes. Line ends are read as \n.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"

namespace tenfold::tokenizer::jinja {

// Where something stands in the template's source. Both count from 1; columns count bytes.
struct Place {
  int line = 1;
  int column = 1;
};

struct Token {
  enum class Kind {
    kText,        // outside of tags
    kPrintBegin,  // {{
    kPrintEnd,    // }}
    kTagBegin,    // {%
    kTagEnd,      // %}
    kName,
    kString,  // its text has its escapes read
    kInteger,
    kFloat,
    kOperator,
    kEnd,
  };
  Kind kind;
  std::string text;
  int64_t integer = 0;
  double number = 0;
  Place place = {};
};

// The tokens of `source`; the last, and only the last, is kEnd. Linear in the source.
// Errors: kInvalidArgument with line and column, for tags and strings without end, numbers and characters that mean
// nothing, and brackets that do not match.
Result<std::vector<Token>> Tokenize(std::string_view source);

// For messages: "the end of the template", "'endfor'".
std::string DescribeToken(const Token& token);

}  // namespace tenfold::tokenizer::jinja
