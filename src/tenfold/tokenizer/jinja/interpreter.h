// The interpreter: walks a template's tree and writes the prompt.
//
// Names are looked up from the innermost scope outwards. Loops (each round), macros, with, call, filter and set blocks
// have scopes of their own; if has none. A macro sees the scope that it was defined in, as it is when the macro runs.
//
// One per rendering, used by one thread. Its recursion is bounded by RenderLimits::max_depth.
#pragma once

#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/ast.h"
#include "tenfold/tokenizer/jinja/object.h"
#include "tenfold/tokenizer/jinja/text.h"
#include "tenfold/tokenizer/jinja/workspace.h"

namespace tenfold::tokenizer::jinja {

class Loop;

struct Scope {
  Scope* parent = nullptr;
  bool is_kept = false;  // a macro or loop refers to it, which may outlive the block
  std::vector<std::pair<NameRef, Value>> bindings = {};
};

class Interpreter {
 public:
  // Both outlive the interpreter.
  Interpreter(const Template& source, Workspace& workspace);

  // Whether the template says this name; what it never says need not be defined.
  bool Mentions(std::string_view name) const { return source_.names.contains(name); }
  Status Define(std::string_view name, const Value& value);

  // The prompt. Errors name the line, but for those of raise_exception, which are the template's own words:
  // kInvalidArgument for these and for operations that have no meaning, kUnsupported for unknown filters and tests,
  // kResourceExhausted.
  Result<Text> Run();

  // For the objects that call back: macros and loops.
  Workspace& workspace() { return workspace_; }
  Result<Value> CallMacro(const MacroDefinition& macro, Scope& scope, const Arguments& arguments);
  Result<Value> CallLoop(const For& statement, Scope& scope, int depth, const Arguments& arguments);
  Result<bool> IsAccepted(const For& statement, Scope& scope, const Value& item);

 private:
  enum class Flow { kOn, kBreak, kContinue };
  class GrowingText;

  // Statements.
  Result<Flow> Execute(const Block& block);
  Result<Flow> Execute(const Statement& statement);
  Result<Flow> Execute(const TextOutput& output);
  Result<Flow> Execute(const ValueOutput& output);
  Result<Flow> Execute(const If& statement);
  Result<Flow> Execute(const For& statement);
  Result<Flow> Execute(const Set& set);
  Result<Flow> Execute(const SetBlock& block);
  Result<Flow> Execute(const FilterBlock& block);
  Result<Flow> Execute(const MacroDefinition& macro);
  Result<Flow> Execute(const CallBlock& block);
  Result<Flow> Execute(const With& with);
  Result<Flow> Execute(const Do& statement);
  Result<Flow> Execute(const Break&) { return Flow::kBreak; }
  Result<Flow> Execute(const Continue&) { return Flow::kContinue; }
  Result<Flow> RunLoop(const For& statement, Scope& scope, const Value& items, int depth);
  Result<Flow> RunRounds(const For& statement, Scope& scope, Loop& loop);

  // Expressions.
  Result<Value> Evaluate(ExpressionRef expression);
  Result<Value> Evaluate(const Literal& literal) { return literal.value; }
  Result<Value> Evaluate(const Name& name);
  Result<Value> Evaluate(const ListDisplay& list);
  Result<Value> Evaluate(const DictDisplay& dict);
  Result<Value> Evaluate(const AttributeAccess& access);
  Result<Value> Evaluate(const ItemAccess& access);
  Result<Value> Evaluate(const SliceAccess& access);
  Result<Value> Evaluate(const Call& call);
  Result<Value> Evaluate(const FilterCall& call);
  Result<Value> Evaluate(const TestCall& call);
  Result<Value> Evaluate(const Negation& negation);
  Result<Value> Evaluate(const Sign& sign);
  Result<Value> Evaluate(const Chain& chain);
  Result<Value> Evaluate(const Concatenation& concatenation);
  Result<Value> Evaluate(const Comparison& comparison);
  Result<Value> Evaluate(const Logic& logic);
  Result<Value> Evaluate(const Conditional& conditional);
  Result<Value> EvaluateOptional(ExpressionRef expression);
  Result<Arguments> EvaluateArguments(const CallArguments& arguments);
  Result<Value> CallValue(const Value& callee, const Arguments& arguments, const Call& call);
  // The filters of a block on what its body wrote.
  Result<Value> ApplyFilters(ExpressionRef filters, const Value& body);

  // Names.
  class InnerScope;
  // That this scope, and those around it, are not used again for other blocks.
  static void Keep(Scope* scope);
  Result<Value> LookUp(NameRef name);
  Status Bind(NameRef name, const Value& value);
  Status Assign(const Target& target, const Value& value);

  // What `body` writes, as a string instead of in the prompt; `flow` is how it ended.
  template <class Body>
  Result<Value> Capture(Body body, Flow& flow);
  Status Enter(int line);
  // Prints a value where output goes.
  Status Write(const Value& value);

  const Template& source_;
  Workspace& workspace_;
  std::deque<Scope> scopes_;
  std::vector<Scope*> free_scopes_;
  Scope* scope_;
  Text prompt_;
  Text* out_ = &prompt_;
  Value filter_input_;  // of the FilterCall without input
  int depth_ = 0;
  int line_ = 1;
};

}  // namespace tenfold::tokenizer::jinja
