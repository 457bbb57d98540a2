#include "tenfold/tokenizer/jinja/expression_parser.h"

#include <algorithm>
#include <optional>
#include <span>

namespace tenfold::tokenizer::jinja {
namespace {

// Each level is a dozen calls here, some four kilobytes of stack.
constexpr int kMaxDepth = 100;

using BinaryRow = std::pair<std::string_view, BinaryOperator>;
constexpr BinaryRow kSums[] = {{"+", BinaryOperator::kAdd}, {"-", BinaryOperator::kSubtract}};
constexpr BinaryRow kProducts[] = {{"*", BinaryOperator::kMultiply},
                                   {"/", BinaryOperator::kDivide},
                                   {"//", BinaryOperator::kFloorDivide},
                                   {"%", BinaryOperator::kModulo}};
constexpr BinaryRow kPowers[] = {{"**", BinaryOperator::kPower}};
constexpr std::pair<std::string_view, ComparisonOperator> kComparisons[] = {
    {"==", ComparisonOperator::kEqual},  {"!=", ComparisonOperator::kNotEqual},
    {"<", ComparisonOperator::kLess},    {"<=", ComparisonOperator::kLessEqual},
    {">", ComparisonOperator::kGreater}, {">=", ComparisonOperator::kGreaterEqual}};

}  // namespace

const Token& ExpressionParser::Peek(size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}

const Token& ExpressionParser::Next() {
  const Token& token = Peek();
  if (token.kind != Token::Kind::kEnd) ++at_;
  return token;
}

bool ExpressionParser::SkipName(std::string_view name) {
  const bool is_there = AtName(name);
  if (is_there) Next();
  return is_there;
}

bool ExpressionParser::SkipOperator(std::string_view op) {
  const bool is_there = AtOperator(op);
  if (is_there) Next();
  return is_there;
}

Status ExpressionParser::ExpectOperator(std::string_view op) {
  if (SkipOperator(op)) return {};
  return Fail(fmt::format("expected '{}', found {}", op, DescribeToken(Peek())));
}

Status ExpressionParser::ExpectName(std::string_view name) {
  if (SkipName(name)) return {};
  return Fail(fmt::format("expected '{}', found {}", name, DescribeToken(Peek())));
}

Status ExpressionParser::ExpectTagEnd() {
  if (Peek().kind != Token::Kind::kTagEnd) return Fail(fmt::format("expected '%}}', found {}", DescribeToken(Peek())));
  Next();
  return {};
}

Result<NameRef> ExpressionParser::ExpectIdentifier() {
  if (Peek().kind != Token::Kind::kName) return Fail(fmt::format("expected a name, found {}", DescribeToken(Peek())));
  return Intern(Next().text);
}

ExpressionRef ExpressionParser::Make(int line, decltype(Expression::node) node) {
  return &template_.expressions.emplace_back(Expression{line, std::move(node)});
}

NameRef ExpressionParser::Intern(std::string_view name) {
  const auto found = template_.names.find(name);
  if (found != template_.names.end()) return found->second;
  const Text* text = MakeText(std::string(name));
  template_.names.emplace(text->view(), text);
  return text;
}

const Text* ExpressionParser::MakeText(std::string bytes) {
  return &template_.texts.emplace_back(Text(std::move(bytes)));
}

Status ExpressionParser::CheckDepth() const {
  if (depth_ <= kMaxDepth) return {};
  auto error = Fail(fmt::format("nested more than {} levels deep", kMaxDepth));
  error.value().code = ErrorCode::kResourceExhausted;
  return error;
}

tl::unexpected<Error> ExpressionParser::FailAt(const Token& token, std::string_view message) const {
  return MakeError(ErrorCode::kInvalidArgument, "chat template, line {}, column {}: {}", token.place.line,
                   token.place.column, message);
}

Result<ExpressionRef> ExpressionParser::ParseExpression() {
  const Level level = Enter();
  RETURN_IF_ERROR(CheckDepth());
  const int line = Peek().place.line;
  ASSIGN_OR_RETURN(ExpressionRef expression, ParseLogic(false));
  while (SkipName("if")) {
    ASSIGN_OR_RETURN(const ExpressionRef condition, ParseLogic(false));
    ExpressionRef otherwise = nullptr;
    if (SkipName("else")) {
      ASSIGN_OR_RETURN(otherwise, ParseExpression());
    }
    expression = Make(line, Conditional{condition, expression, otherwise});
  }
  return expression;
}

Result<ExpressionRef> ExpressionParser::ParseTuple(bool with_conditional) {
  const int line = Peek().place.line;
  ListDisplay tuple{.items = {}, .is_tuple = false};
  while (!AtTupleEnd()) {
    ASSIGN_OR_RETURN(tuple.items.emplace_back(), with_conditional ? ParseExpression() : ParseLogic(false));
    if (!SkipOperator(",")) break;
    tuple.is_tuple = true;
  }
  if (tuple.items.empty()) return Fail(fmt::format("expected an expression, found {}", DescribeToken(Peek())));
  if (!tuple.is_tuple) return tuple.items[0];
  return Make(line, std::move(tuple));
}

bool ExpressionParser::AtTupleEnd() const {
  const Token::Kind kind = Peek().kind;
  return kind == Token::Kind::kPrintEnd || kind == Token::Kind::kTagEnd || AtOperator(")") || AtName("recursive");
}

Result<ExpressionRef> ExpressionParser::ParseLogic(bool is_and) {
  const int line = Peek().place.line;
  Logic logic{.is_and = is_and, .operands = {}};
  do {
    ASSIGN_OR_RETURN(logic.operands.emplace_back(), is_and ? ParseNot() : ParseLogic(true));
  } while (SkipName(is_and ? "and" : "or"));
  if (logic.operands.size() == 1) return logic.operands[0];
  return Make(line, std::move(logic));
}

Result<ExpressionRef> ExpressionParser::ParseNot() {
  if (!AtName("not")) return ParseComparison();
  const Level level = Enter();
  RETURN_IF_ERROR(CheckDepth());
  const int line = Next().place.line;
  ASSIGN_OR_RETURN(const ExpressionRef operand, ParseNot());
  return Make(line, Negation{operand});
}

Result<ExpressionRef> ExpressionParser::ParseComparison() {
  const int line = Peek().place.line;
  ASSIGN_OR_RETURN(const ExpressionRef first, ParseSum());
  Comparison comparison{.first = first, .rest = {}};
  for (;;) {
    std::optional<ComparisonOperator> op;
    for (const auto& [text, value] : kComparisons) {
      if (SkipOperator(text)) op = value;
    }
    if (!op && SkipName("in")) op = ComparisonOperator::kIn;
    if (!op && AtName("not") && IsToken(Peek(1), Token::Kind::kName, "in")) {
      Next();
      Next();
      op = ComparisonOperator::kNotIn;
    }
    if (!op) break;
    ASSIGN_OR_RETURN(const ExpressionRef operand, ParseSum());
    comparison.rest.emplace_back(*op, operand);
  }
  if (comparison.rest.empty()) return first;
  return Make(line, std::move(comparison));
}

template <class Operand>
Result<ExpressionRef> ExpressionParser::ParseChain(std::span<const BinaryRow> operators, Operand operand) {
  const int line = Peek().place.line;
  ASSIGN_OR_RETURN(const ExpressionRef first, operand());
  Chain chain{.first = first, .rest = {}};
  for (;;) {
    const auto row = std::ranges::find_if(operators, [&](const BinaryRow& r) { return AtOperator(r.first); });
    if (row == operators.end()) break;
    Next();
    ASSIGN_OR_RETURN(const ExpressionRef next, operand());
    chain.rest.emplace_back(row->second, next);
  }
  if (chain.rest.empty()) return first;
  return Make(line, std::move(chain));
}

Result<ExpressionRef> ExpressionParser::ParseSum() {
  return ParseChain(kSums, [this] { return ParseConcatenation(); });
}

Result<ExpressionRef> ExpressionParser::ParseConcatenation() {
  const int line = Peek().place.line;
  Concatenation concatenation;
  do {
    ASSIGN_OR_RETURN(concatenation.operands.emplace_back(), ParseProduct());
  } while (SkipOperator("~"));
  if (concatenation.operands.size() == 1) return concatenation.operands[0];
  return Make(line, std::move(concatenation));
}

Result<ExpressionRef> ExpressionParser::ParseProduct() {
  return ParseChain(kProducts, [this] { return ParsePower(); });
}

Result<ExpressionRef> ExpressionParser::ParsePower() {
  return ParseChain(kPowers, [this] { return ParseUnary(true); });
}

Result<ExpressionRef> ExpressionParser::ParseUnary(bool with_filters) {
  const Level level = Enter();
  RETURN_IF_ERROR(CheckDepth());
  ExpressionRef expression = nullptr;
  if (AtOperator("-") || AtOperator("+")) {
    const Token& sign = Next();
    ASSIGN_OR_RETURN(const ExpressionRef operand, ParseUnary(false));
    expression = Make(sign.place.line, Sign{operand, sign.text == "-"});
  } else {
    ASSIGN_OR_RETURN(expression, ParsePrimary());
  }
  ASSIGN_OR_RETURN(expression, ParsePostfix(expression));
  return with_filters ? ParseFiltersAndTests(expression) : expression;
}

Result<ExpressionRef> ExpressionParser::ParsePrimary() {
  const Token& token = Peek();
  const int line = token.place.line;
  switch (token.kind) {
    case Token::Kind::kName: {
      Next();
      if (token.text == "true" || token.text == "True") return Make(line, Literal{Value(true)});
      if (token.text == "false" || token.text == "False") return Make(line, Literal{Value(false)});
      if (token.text == "none" || token.text == "None") return Make(line, Literal{Value(None{})});
      return Make(line, Name{Intern(token.text)});
    }
    case Token::Kind::kString:
      return ParseString();
    case Token::Kind::kInteger:
      return Make(line, Literal{Value(Next().integer)});
    case Token::Kind::kFloat:
      return Make(line, Literal{Value(Next().number)});
    default:
      break;
  }
  if (SkipOperator("(")) {
    if (SkipOperator(")")) return Make(line, ListDisplay{.items = {}, .is_tuple = true});
    ASSIGN_OR_RETURN(const ExpressionRef inner, ParseTuple());
    RETURN_IF_ERROR(ExpectOperator(")"));
    return inner;
  }
  if (AtOperator("[")) return ParseList();
  if (AtOperator("{")) return ParseDict();
  return Fail(fmt::format("expected an expression, found {}", DescribeToken(token)));
}

// Neighbouring strings are one.
Result<ExpressionRef> ExpressionParser::ParseString() {
  const int line = Peek().place.line;
  std::string text;
  while (Peek().kind == Token::Kind::kString) text += Next().text;
  return Make(line, Literal{Value(MakeText(std::move(text)))});
}

Result<ExpressionRef> ExpressionParser::ParseList() {
  const int line = Next().place.line;
  ListDisplay list;
  while (!AtOperator("]")) {
    ASSIGN_OR_RETURN(list.items.emplace_back(), ParseExpression());
    if (!SkipOperator(",")) break;
  }
  RETURN_IF_ERROR(ExpectOperator("]"));
  return Make(line, std::move(list));
}

Result<ExpressionRef> ExpressionParser::ParseDict() {
  const int line = Next().place.line;
  DictDisplay dict;
  while (!AtOperator("}")) {
    ASSIGN_OR_RETURN(const ExpressionRef key, ParseExpression());
    RETURN_IF_ERROR(ExpectOperator(":"));
    ASSIGN_OR_RETURN(const ExpressionRef value, ParseExpression());
    dict.entries.emplace_back(key, value);
    if (!SkipOperator(",")) break;
  }
  RETURN_IF_ERROR(ExpectOperator("}"));
  return Make(line, std::move(dict));
}

Result<ExpressionRef> ExpressionParser::ParsePostfix(ExpressionRef operand) {
  for (;;) {
    const int line = Peek().place.line;
    if (SkipOperator(".")) {
      if (Peek().kind == Token::Kind::kInteger) {  // list.0
        const ExpressionRef index = Make(line, Literal{Value(Next().integer)});
        operand = Make(line, ItemAccess{operand, index});
      } else {
        ASSIGN_OR_RETURN(const NameRef name, ExpectIdentifier());
        operand = Make(line, AttributeAccess{operand, name});
      }
    } else if (AtOperator("[")) {
      ASSIGN_OR_RETURN(operand, ParseIndex(operand));
    } else if (AtOperator("(")) {
      ASSIGN_OR_RETURN(CallArguments arguments, ParseArguments());
      operand = Make(line, Call{operand, std::move(arguments)});
    } else {
      return operand;
    }
  }
}

// [index], [start:stop:step]
Result<ExpressionRef> ExpressionParser::ParseIndex(ExpressionRef object) {
  const int line = Next().place.line;
  ExpressionRef parts[3] = {};
  int num_colons = 0;
  while (!AtOperator("]")) {
    if (num_colons < 2 && SkipOperator(":")) {
      ++num_colons;
      continue;
    }
    if (parts[num_colons] != nullptr) break;
    ASSIGN_OR_RETURN(parts[num_colons], ParseExpression());
    if (num_colons == 0 && AtOperator(",")) return Fail("an index is one value; tuples are not supported here");
  }
  if (num_colons == 0 && parts[0] == nullptr) return Fail("expected an index, found ']'");
  RETURN_IF_ERROR(ExpectOperator("]"));
  if (num_colons == 0) return Make(line, ItemAccess{object, parts[0]});
  return Make(line, SliceAccess{object, parts[0], parts[1], parts[2]});
}

Result<ExpressionRef> ExpressionParser::ParseFiltersAndTests(ExpressionRef operand) {
  for (;;) {
    const int line = Peek().place.line;
    if (SkipOperator("|")) {
      ASSIGN_OR_RETURN(operand, ParseFilter(operand));
    } else if (AtName("is")) {
      ASSIGN_OR_RETURN(operand, ParseTest(operand));
    } else if (AtOperator("(")) {
      ASSIGN_OR_RETURN(CallArguments arguments, ParseArguments());
      operand = Make(line, Call{operand, std::move(arguments)});
    } else {
      return operand;
    }
  }
}

Result<ExpressionRef> ExpressionParser::ParseFilters(ExpressionRef input) {
  do {
    ASSIGN_OR_RETURN(input, ParseFilter(input));
  } while (SkipOperator("|"));
  return input;
}

Result<ExpressionRef> ExpressionParser::ParseFilter(ExpressionRef input) {
  const int line = Peek().place.line;
  ASSIGN_OR_RETURN(const NameRef name, ExpectIdentifier());
  CallArguments arguments;
  if (AtOperator("(")) {
    ASSIGN_OR_RETURN(arguments, ParseArguments());
  }
  return Make(line, FilterCall{input, name, FindFilter(name->view()), std::move(arguments)});
}

Result<ExpressionRef> ExpressionParser::ParseTest(ExpressionRef input) {
  const int line = Next().place.line;
  const bool is_negated = SkipName("not");
  ASSIGN_OR_RETURN(const NameRef name, ExpectIdentifier());
  CallArguments arguments;
  if (AtOperator("(")) {
    ASSIGN_OR_RETURN(arguments, ParseArguments());
  } else if (AtTestArgument()) {
    ASSIGN_OR_RETURN(const ExpressionRef primary, ParsePrimary());
    ASSIGN_OR_RETURN(arguments.positional.emplace_back(), ParsePostfix(primary));
  }
  return Make(line, TestCall{input, name, FindTest(name->view()), std::move(arguments), is_negated});
}

// "x is divisibleby 3" takes one argument without brackets.
bool ExpressionParser::AtTestArgument() const {
  switch (Peek().kind) {
    case Token::Kind::kString:
    case Token::Kind::kInteger:
    case Token::Kind::kFloat:
      return true;
    case Token::Kind::kOperator:
      return AtOperator("[") || AtOperator("{");
    case Token::Kind::kName: {
      constexpr std::string_view kWords[] = {"else", "or", "and", "if", "is", "in", "not", "recursive"};
      return std::ranges::find(kWords, Peek().text) == std::end(kWords);
    }
    default:
      return false;
  }
}

Result<CallArguments> ExpressionParser::ParseArguments() {
  RETURN_IF_ERROR(ExpectOperator("("));
  CallArguments arguments;
  while (!AtOperator(")")) {
    if (SkipOperator("**")) {
      if (arguments.more_named != nullptr) return Fail("a call takes one '**' argument");
      ASSIGN_OR_RETURN(arguments.more_named, ParseExpression());
    } else if (SkipOperator("*")) {
      if (arguments.more_positional != nullptr) return Fail("a call takes one '*' argument");
      ASSIGN_OR_RETURN(arguments.more_positional, ParseExpression());
    } else if (Peek().kind == Token::Kind::kName && IsToken(Peek(1), Token::Kind::kOperator, "=")) {
      const NameRef name = Intern(Next().text);
      Next();
      ASSIGN_OR_RETURN(const ExpressionRef value, ParseExpression());
      arguments.named.emplace_back(name, value);
    } else {
      if (!arguments.named.empty()) return Fail("an argument without name cannot follow one with a name");
      ASSIGN_OR_RETURN(arguments.positional.emplace_back(), ParseExpression());
    }
    if (!SkipOperator(",")) break;
  }
  RETURN_IF_ERROR(ExpectOperator(")"));
  return arguments;
}

}  // namespace tenfold::tokenizer::jinja
