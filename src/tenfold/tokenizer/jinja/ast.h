// A parsed template: statements that hold expressions.
//
// All nodes live in the Template and point at each other; it is immutable once parsed, so that any number of renderings
// may read it at once. Operators of one level stand in one node ("a + b - c" is a Chain of three), so that long sums do
// not make deep trees.
#pragma once

#include <deque>
#include <map>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tenfold/tokenizer/jinja/builtin.h"
#include "tenfold/tokenizer/jinja/operators.h"
#include "tenfold/tokenizer/jinja/text.h"
#include "tenfold/tokenizer/jinja/value.h"

namespace tenfold::tokenizer::jinja {

struct Expression;
struct Statement;
using ExpressionRef = const Expression*;
using Block = std::vector<const Statement*>;
// Every occurrence of a name in a template points to the same text: names are compared by address.
using NameRef = const Text*;

struct Literal {
  Value value;
};
struct Name {
  NameRef name;
};
struct ListDisplay {
  std::vector<ExpressionRef> items;
  bool is_tuple = false;
};
struct DictDisplay {
  std::vector<std::pair<ExpressionRef, ExpressionRef>> entries;
};
struct AttributeAccess {  // object.name
  ExpressionRef object;
  NameRef name;
};
struct ItemAccess {  // object[index]
  ExpressionRef object;
  ExpressionRef index;
};
struct SliceAccess {  // object[start:stop:step]; each may be absent
  ExpressionRef object;
  ExpressionRef start = nullptr;
  ExpressionRef stop = nullptr;
  ExpressionRef step = nullptr;
};
struct CallArguments {
  std::vector<ExpressionRef> positional;
  std::vector<std::pair<NameRef, ExpressionRef>> named;
  ExpressionRef more_positional = nullptr;  // *list
  ExpressionRef more_named = nullptr;       // **mapping
};
struct Call {
  ExpressionRef callee;
  CallArguments arguments;
};
struct FilterCall {     // input | name(arguments)
  ExpressionRef input;  // nullptr for the body of the block that is filtered
  NameRef name;
  const BuiltinRow* filter;  // nullptr when there is none of this name
  CallArguments arguments;
};
struct TestCall {  // input is [not] name(arguments)
  ExpressionRef input;
  NameRef name;
  const BuiltinRow* test;
  CallArguments arguments;
  bool is_negated = false;
};
struct Negation {  // not operand
  ExpressionRef operand;
};
struct Sign {  // -operand, +operand
  ExpressionRef operand;
  bool is_minus;
};
struct Chain {  // first op operand op operand, from left to right
  ExpressionRef first;
  std::vector<std::pair<BinaryOperator, ExpressionRef>> rest;
};
struct Concatenation {  // a ~ b ~ c
  std::vector<ExpressionRef> operands;
};
struct Comparison {  // first < a <= b: each neighbour pair must hold
  ExpressionRef first;
  std::vector<std::pair<ComparisonOperator, ExpressionRef>> rest;
};
struct Logic {  // a and b and c; a or b or c
  bool is_and;
  std::vector<ExpressionRef> operands;
};
struct Conditional {  // then if condition else otherwise
  ExpressionRef condition;
  ExpressionRef then;
  ExpressionRef otherwise = nullptr;
};

struct Expression {
  int line;
  std::variant<Literal, Name, ListDisplay, DictDisplay, AttributeAccess, ItemAccess, SliceAccess, Call, FilterCall,
               TestCall, Negation, Sign, Chain, Concatenation, Comparison, Logic, Conditional>
      node;
};

// What is assigned to: a name, namespace.attribute, or several targets for the items of one value.
struct Target {
  NameRef name = nullptr;
  NameRef attribute = nullptr;
  std::vector<Target> parts;  // when name is nullptr
};

struct TextOutput {
  const Text* text;
};
struct ValueOutput {
  ExpressionRef value;
};
struct If {
  std::vector<std::pair<ExpressionRef, Block>> branches;
  Block otherwise;
};
struct For {
  Target target;
  ExpressionRef items;
  ExpressionRef filter = nullptr;
  bool is_recursive = false;
  Block body;
  Block otherwise;
};
struct Set {
  Target target;
  ExpressionRef value;
};
struct SetBlock {  // {% set name | filter %} body {% endset %}
  Target target;
  ExpressionRef filters = nullptr;  // FilterCalls around the body
  Block body;
};
struct FilterBlock {
  ExpressionRef filters;
  Block body;
};
struct MacroDefinition {
  NameRef name;
  std::vector<NameRef> parameters;
  std::vector<ExpressionRef> defaults;  // of the last parameters
  bool takes_more_positional = false;   // its body reads varargs
  bool takes_more_named = false;        // its body reads kwargs
  Block body;
};
struct CallBlock {  // {% call(parameters) callee(arguments) %} body {% endcall %}
  MacroDefinition caller;
  ExpressionRef call;
};
struct With {
  std::vector<std::pair<Target, ExpressionRef>> assignments;
  Block body;
};
struct Do {
  ExpressionRef value;
};
struct Break {};
struct Continue {};

struct Statement {
  int line;
  std::variant<TextOutput, ValueOutput, If, For, Set, SetBlock, FilterBlock, MacroDefinition, CallBlock, With, Do,
               Break, Continue>
      node;
};

struct Template {
  Block body;
  std::deque<Expression> expressions;
  std::deque<Statement> statements;
  std::deque<Text> texts;
  std::map<std::string_view, NameRef> names;
};

}  // namespace tenfold::tokenizer::jinja
