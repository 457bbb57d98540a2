#include "tenfold/tokenizer/jinja/parser.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "tenfold/tokenizer/jinja/expression_parser.h"

namespace tenfold::tokenizer::jinja {
namespace {

class Parser {
 public:
  Parser(std::vector<Token> tokens, Template& result) : tokens_(std::move(tokens), result), template_(result) {}

  Status Run() {
    ASSIGN_OR_RETURN(template_.body, ParseBlock({}));
    return {};
  }

 private:
  using Names = std::initializer_list<std::string_view>;

  // Statements up to a tag that begins with one of `ends`, or to the end of the template when there are none. The tag's
  // bracket is read, its name is not.
  Result<Block> ParseBlock(Names ends) {
    const auto level = tokens_.Enter();
    RETURN_IF_ERROR(tokens_.CheckDepth());
    Block block;
    for (;;) {
      const Token& token = tokens_.Next();
      const int line = token.place.line;
      switch (token.kind) {
        case Token::Kind::kText:
          block.push_back(Make(line, TextOutput{tokens_.MakeText(token.text)}));
          break;
        case Token::Kind::kPrintBegin: {
          ASSIGN_OR_RETURN(const ExpressionRef value, tokens_.ParseTuple());
          if (tokens_.Peek().kind != Token::Kind::kPrintEnd) {
            return tokens_.Fail(fmt::format("expected '}}}}', found {}", DescribeToken(tokens_.Peek())));
          }
          tokens_.Next();
          block.push_back(Make(line, ValueOutput{value}));
          break;
        }
        case Token::Kind::kTagBegin: {
          if (std::ranges::any_of(ends, [&](std::string_view end) { return tokens_.AtName(end); })) return block;
          ASSIGN_OR_RETURN(block.emplace_back(), ParseStatement());
          break;
        }
        default:
          if (ends.size() == 0) return block;
          return tokens_.FailAt(token,
                                fmt::format("the template ends, but '{{% {} %}}' is missing", *(ends.end() - 1)));
      }
    }
  }

  // A block and the tag that ends it.
  Result<Block> ParseBody(std::string_view end) {
    RETURN_IF_ERROR(tokens_.ExpectTagEnd());
    ASSIGN_OR_RETURN(Block body, ParseBlock({end}));
    RETURN_IF_ERROR(ExpectEnd(end));
    return body;
  }
  Status ExpectEnd(std::string_view end) {
    RETURN_IF_ERROR(tokens_.ExpectName(end));
    return tokens_.ExpectTagEnd();
  }

  using ParseFunction = Result<const Statement*> (Parser::*)(int line);
  struct Row {
    std::string_view name;
    ParseFunction parse;
  };

  Result<const Statement*> ParseStatement() {
    static constexpr Row kRows[] = {
        {"if", &Parser::ParseIf},
        {"for", &Parser::ParseFor},
        {"set", &Parser::ParseSet},
        {"macro", &Parser::ParseMacro},
        {"call", &Parser::ParseCall},
        {"filter", &Parser::ParseFilterBlock},
        {"with", &Parser::ParseWith},
        {"generation", &Parser::ParseGeneration},
        {"do", &Parser::ParseDo},
        {"break", &Parser::ParseBreak},
        {"continue", &Parser::ParseContinue},
    };
    static constexpr std::string_view kOfFiles[] = {"include", "import", "from",      "extends",
                                                    "block",   "trans",  "autoescape"};
    const Token& token = tokens_.Next();
    const auto row = std::ranges::find(kRows, token.text, &Row::name);
    if (token.kind == Token::Kind::kName && row != std::end(kRows)) return (this->*row->parse)(token.place.line);
    auto error = tokens_.FailAt(token, fmt::format("{} begins no statement that is known here", DescribeToken(token)));
    if (std::ranges::find(kOfFiles, token.text) != std::end(kOfFiles)) error.value().code = ErrorCode::kUnsupported;
    return error;
  }

  Result<const Statement*> ParseIf(int line) {
    If statement;
    for (;;) {
      ASSIGN_OR_RETURN(const ExpressionRef condition, tokens_.ParseTuple());
      RETURN_IF_ERROR(tokens_.ExpectTagEnd());
      ASSIGN_OR_RETURN(Block body, ParseBlock({"elif", "else", "endif"}));
      statement.branches.emplace_back(condition, std::move(body));
      if (!tokens_.SkipName("elif")) break;
    }
    if (tokens_.SkipName("else")) {
      RETURN_IF_ERROR(tokens_.ExpectTagEnd());
      ASSIGN_OR_RETURN(statement.otherwise, ParseBlock({"endif"}));
    }
    RETURN_IF_ERROR(ExpectEnd("endif"));
    return Make(line, std::move(statement));
  }

  Result<const Statement*> ParseFor(int line) {
    For statement;
    ASSIGN_OR_RETURN(statement.target, ParseTarget());
    RETURN_IF_ERROR(tokens_.ExpectName("in"));
    ASSIGN_OR_RETURN(statement.items, tokens_.ParseTuple(false));
    if (tokens_.SkipName("if")) {
      ASSIGN_OR_RETURN(statement.filter, tokens_.ParseExpression());
    }
    statement.is_recursive = tokens_.SkipName("recursive");
    RETURN_IF_ERROR(tokens_.ExpectTagEnd());
    const bool outside = std::exchange(is_in_loop_, true);
    ASSIGN_OR_RETURN(statement.body, ParseBlock({"else", "endfor"}));
    is_in_loop_ = outside;
    if (tokens_.SkipName("else")) {
      RETURN_IF_ERROR(tokens_.ExpectTagEnd());
      ASSIGN_OR_RETURN(statement.otherwise, ParseBlock({"endfor"}));
    }
    RETURN_IF_ERROR(ExpectEnd("endfor"));
    return Make(line, std::move(statement));
  }

  // name, namespace.attribute, a, b, or (a, b).
  Result<Target> ParseTarget() {
    ASSIGN_OR_RETURN(Target first, ParseOneTarget());
    if (!tokens_.AtOperator(",")) return first;
    Target tuple;
    tuple.parts.push_back(std::move(first));
    while (tokens_.SkipOperator(",")) {
      if (tokens_.AtName("in") || tokens_.AtOperator("=") || tokens_.AtOperator(")")) break;
      ASSIGN_OR_RETURN(tuple.parts.emplace_back(), ParseOneTarget());
    }
    return tuple;
  }

  Result<Target> ParseOneTarget() {
    const auto level = tokens_.Enter();
    RETURN_IF_ERROR(tokens_.CheckDepth());
    if (tokens_.SkipOperator("(")) {
      ASSIGN_OR_RETURN(Target inner, ParseTarget());
      RETURN_IF_ERROR(tokens_.ExpectOperator(")"));
      return inner;
    }
    constexpr std::string_view kConstants[] = {"true", "True", "false", "False", "none", "None", "in"};
    if (std::ranges::find(kConstants, tokens_.Peek().text) != std::end(kConstants)) {
      return tokens_.Fail(fmt::format("{} cannot be assigned to", DescribeToken(tokens_.Peek())));
    }
    Target target;
    ASSIGN_OR_RETURN(target.name, tokens_.ExpectIdentifier());
    if (tokens_.SkipOperator(".")) {
      ASSIGN_OR_RETURN(target.attribute, tokens_.ExpectIdentifier());
    }
    return target;
  }

  Result<const Statement*> ParseSet(int line) {
    ASSIGN_OR_RETURN(Target target, ParseTarget());
    if (tokens_.SkipOperator("=")) {
      ASSIGN_OR_RETURN(const ExpressionRef value, tokens_.ParseTuple());
      RETURN_IF_ERROR(tokens_.ExpectTagEnd());
      return Make(line, Set{std::move(target), value});
    }
    ExpressionRef filters = nullptr;
    if (tokens_.SkipOperator("|")) {
      ASSIGN_OR_RETURN(filters, tokens_.ParseFilters(nullptr));
    }
    ASSIGN_OR_RETURN(Block body, ParseBody("endset"));
    return Make(line, SetBlock{std::move(target), filters, std::move(body)});
  }

  // (a, b=1)
  Status ParseParameters(MacroDefinition& macro) {
    RETURN_IF_ERROR(tokens_.ExpectOperator("("));
    while (!tokens_.AtOperator(")")) {
      ASSIGN_OR_RETURN(macro.parameters.emplace_back(), tokens_.ExpectIdentifier());
      if (tokens_.SkipOperator("=")) {
        ASSIGN_OR_RETURN(macro.defaults.emplace_back(), tokens_.ParseExpression());
      } else if (!macro.defaults.empty()) {
        return tokens_.Fail("a parameter without default cannot follow one that has a default");
      }
      if (!tokens_.SkipOperator(",")) break;
    }
    return tokens_.ExpectOperator(")");
  }

  // The body of a macro or call block. Surplus arguments are taken only by bodies that read them.
  Status ParseMacroBody(MacroDefinition& macro, std::string_view end) {
    const size_t num_before = template_.expressions.size();
    const bool outside = std::exchange(is_in_loop_, false);
    ASSIGN_OR_RETURN(macro.body, ParseBody(end));
    is_in_loop_ = outside;
    const auto reads = [&](NameRef wanted) {
      return std::any_of(template_.expressions.begin() + static_cast<std::ptrdiff_t>(num_before),
                         template_.expressions.end(), [&](const Expression& expression) {
                           const auto* name = std::get_if<Name>(&expression.node);
                           return name != nullptr && name->name == wanted;
                         });
    };
    macro.takes_more_positional = reads(tokens_.Intern("varargs"));
    macro.takes_more_named = reads(tokens_.Intern("kwargs"));
    return {};
  }

  Result<const Statement*> ParseMacro(int line) {
    MacroDefinition macro;
    ASSIGN_OR_RETURN(macro.name, tokens_.ExpectIdentifier());
    RETURN_IF_ERROR(ParseParameters(macro));
    RETURN_IF_ERROR(ParseMacroBody(macro, "endmacro"));
    return Make(line, std::move(macro));
  }

  Result<const Statement*> ParseCall(int line) {
    CallBlock block;
    block.caller.name = tokens_.Intern("caller");
    if (tokens_.AtOperator("(")) RETURN_IF_ERROR(ParseParameters(block.caller));
    ASSIGN_OR_RETURN(block.call, tokens_.ParseExpression());
    if (!std::holds_alternative<Call>(block.call->node)) return tokens_.Fail("a call block needs a call: call f()");
    RETURN_IF_ERROR(ParseMacroBody(block.caller, "endcall"));
    return Make(line, std::move(block));
  }

  Result<const Statement*> ParseFilterBlock(int line) {
    ASSIGN_OR_RETURN(const ExpressionRef filters, tokens_.ParseFilters(nullptr));
    ASSIGN_OR_RETURN(Block body, ParseBody("endfilter"));
    return Make(line, FilterBlock{filters, std::move(body)});
  }

  Result<const Statement*> ParseWith(int line) {
    With with;
    while (tokens_.Peek().kind != Token::Kind::kTagEnd) {
      ASSIGN_OR_RETURN(Target target, ParseOneTarget());
      RETURN_IF_ERROR(tokens_.ExpectOperator("="));
      ASSIGN_OR_RETURN(const ExpressionRef value, tokens_.ParseExpression());
      with.assignments.emplace_back(std::move(target), value);
      if (!tokens_.SkipOperator(",")) break;
    }
    ASSIGN_OR_RETURN(with.body, ParseBody("endwith"));
    return Make(line, std::move(with));
  }

  // Marks what the assistant wrote, for training; the prompt is the body.
  Result<const Statement*> ParseGeneration(int line) {
    With with;
    ASSIGN_OR_RETURN(with.body, ParseBody("endgeneration"));
    return Make(line, std::move(with));
  }

  Result<const Statement*> ParseDo(int line) {
    ASSIGN_OR_RETURN(const ExpressionRef value, tokens_.ParseTuple());
    RETURN_IF_ERROR(tokens_.ExpectTagEnd());
    return Make(line, Do{value});
  }

  Result<const Statement*> ParseBreak(int line) { return ParseJump(line, Break{}); }
  Result<const Statement*> ParseContinue(int line) { return ParseJump(line, Continue{}); }
  template <class Jump>
  Result<const Statement*> ParseJump(int line, Jump jump) {
    if (!is_in_loop_) return tokens_.Fail("break and continue need a loop around them");
    RETURN_IF_ERROR(tokens_.ExpectTagEnd());
    return Make(line, jump);
  }

  const Statement* Make(int line, decltype(Statement::node) node) {
    return &template_.statements.emplace_back(Statement{line, std::move(node)});
  }

  ExpressionParser tokens_;
  Template& template_;
  bool is_in_loop_ = false;  // of the same macro: break and continue may stand here
};

}  // namespace

Result<std::unique_ptr<const Template>> ParseTemplate(std::string_view source) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source));
  auto result = std::make_unique<Template>();
  RETURN_IF_ERROR(Parser(std::move(tokens), *result).Run());
  return std::unique_ptr<const Template>(std::move(result));
}

}  // namespace tenfold::tokenizer::jinja
