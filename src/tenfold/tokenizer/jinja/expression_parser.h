// The expressions of a template, by recursive descent: one function for each level of precedence, the loosest first.
//
//   conditional    a if b else c
//   or, and, not
//   comparison     == != < <= > >= in, not in; they chain
//   sum            + -
//   concatenation  ~
//   product        * / // %
//   power          **, from left to right, unlike Python
//   unary          - +
//   postfix        .name [index] (arguments), then | filter and is test
//
// It is also the token stream that the statement parser reads on with, and writes its nodes into one Template.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/ast.h"
#include "tenfold/tokenizer/jinja/lexer.h"

namespace tenfold::tokenizer::jinja {

class ExpressionParser {
 public:
  ExpressionParser(std::vector<Token> tokens, Template& result) : tokens_(std::move(tokens)), template_(result) {}

  Result<ExpressionRef> ParseExpression();
  // Also "a, b", which is a tuple. Without `with_conditional`, "if" ends it, as in a loop over filtered items.
  Result<ExpressionRef> ParseTuple(bool with_conditional = true);
  // A chain of filters, the first without "|": what follows "{% filter". `input` may be nullptr.
  Result<ExpressionRef> ParseFilters(ExpressionRef input);

  // The token stream.
  const Token& Peek(size_t ahead = 0) const;
  const Token& Next();
  bool AtName(std::string_view name) const { return IsToken(Peek(), Token::Kind::kName, name); }
  bool AtOperator(std::string_view op) const { return IsToken(Peek(), Token::Kind::kOperator, op); }
  bool SkipName(std::string_view name);
  bool SkipOperator(std::string_view op);
  Status ExpectOperator(std::string_view op);
  Status ExpectName(std::string_view name);
  Status ExpectTagEnd();
  Result<NameRef> ExpectIdentifier();

  // Nodes and names of the template.
  ExpressionRef Make(int line, decltype(Expression::node) node);
  NameRef Intern(std::string_view name);
  const Text* MakeText(std::string bytes);
  Template& result() { return template_; }

  // Counts one level of nesting while it lives; Enter fails when there are too many.
  class Level {
   public:
    explicit Level(int& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    int& depth_;
  };
  Level Enter() { return Level(depth_); }
  Status CheckDepth() const;

  // An error at the next token, or at `token`.
  tl::unexpected<Error> Fail(std::string_view message) const { return FailAt(Peek(), message); }
  tl::unexpected<Error> FailAt(const Token& token, std::string_view message) const;

 private:
  static bool IsToken(const Token& token, Token::Kind kind, std::string_view text) {
    return token.kind == kind && token.text == text;
  }

  Result<ExpressionRef> ParseLogic(bool is_and);
  Result<ExpressionRef> ParseNot();
  Result<ExpressionRef> ParseComparison();
  Result<ExpressionRef> ParseSum();
  Result<ExpressionRef> ParseConcatenation();
  Result<ExpressionRef> ParseProduct();
  Result<ExpressionRef> ParsePower();
  Result<ExpressionRef> ParseUnary(bool with_filters);
  Result<ExpressionRef> ParsePrimary();
  Result<ExpressionRef> ParseString();
  Result<ExpressionRef> ParseList();
  Result<ExpressionRef> ParseDict();
  Result<ExpressionRef> ParsePostfix(ExpressionRef operand);
  Result<ExpressionRef> ParseFiltersAndTests(ExpressionRef operand);
  Result<ExpressionRef> ParseFilter(ExpressionRef input);
  Result<ExpressionRef> ParseTest(ExpressionRef input);
  Result<ExpressionRef> ParseIndex(ExpressionRef object);
  Result<CallArguments> ParseArguments();
  // The rest of "first op operand op operand", where `find` says which operators belong to this level.
  template <class Operand>
  Result<ExpressionRef> ParseChain(std::span<const std::pair<std::string_view, BinaryOperator>> operators,
                                   Operand operand);
  bool AtTupleEnd() const;
  bool AtTestArgument() const;

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  Template& template_;
};

}  // namespace tenfold::tokenizer::jinja
