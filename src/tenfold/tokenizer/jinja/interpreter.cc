#include "tenfold/tokenizer/jinja/interpreter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/loop.h"
#include "tenfold/tokenizer/jinja/print.h"

namespace tenfold::tokenizer::jinja {
namespace {

// Puts a variable back to what it was when the block is left, however it is left.
template <class T>
class Restore {
 public:
  explicit Restore(T& variable) : variable_(variable), before_(variable) {}
  Restore(T& variable, T during) : Restore(variable) { variable_ = std::move(during); }
  ~Restore() { variable_ = before_; }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  T& variable_;
  const T before_;
};

// A macro, or the body of a call block, as a value.
class Macro : public Object {
 public:
  Macro(Interpreter& interpreter, const MacroDefinition& definition, Scope& scope)
      : interpreter_(interpreter), definition_(definition), scope_(scope) {}
  std::string_view TypeName() const override { return "a macro"; }
  bool IsCallable() const override { return true; }
  Result<Value> Call(Workspace&, const Arguments& arguments) override {
    return interpreter_.CallMacro(definition_, scope_, arguments);
  }
  Result<Value> Attribute(Workspace&, const Text& name) override {
    return name.view() == "name" ? Value(definition_.name) : Value(Undefined{&name});
  }

 private:
  Interpreter& interpreter_;
  const MacroDefinition& definition_;
  Scope& scope_;
};

}  // namespace

Interpreter::Interpreter(const Template& source, Workspace& workspace)
    : source_(source), workspace_(workspace), scope_(&scopes_.emplace_back()) {}

Status Interpreter::Define(std::string_view name, const Value& value) {
  const auto found = source_.names.find(name);
  return found == source_.names.end() ? Status() : Bind(found->second, value);
}

Result<Text> Interpreter::Run() {
  const auto flow = Execute(source_.body);
  if (flow) return std::move(prompt_);
  if (workspace_.is_refused()) return tl::unexpected<Error>(flow.error());
  return MakeError(flow.error().code, "chat template, line {}: {}", line_, flow.error().message);
}

// Names.

Result<Scope*> Interpreter::NewScope(Scope* parent) {
  RETURN_IF_ERROR(workspace_.SpendBytes(sizeof(Scope)));
  return &scopes_.emplace_back(Scope{.parent = parent});
}

Value Interpreter::LookUp(NameRef name) const {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    for (const auto& [bound, value] : scope->bindings) {
      if (bound == name) return value;
    }
  }
  return Value(Undefined{name});
}

Status Interpreter::Bind(NameRef name, const Value& value) {
  const auto bound = std::ranges::find(scope_->bindings, name, &std::pair<NameRef, Value>::first);
  if (bound != scope_->bindings.end()) {
    bound->second = value;
    return {};
  }
  RETURN_IF_ERROR(workspace_.SpendBytes(sizeof(*bound)));
  scope_->bindings.emplace_back(name, value);
  return {};
}

Status Interpreter::Assign(const Target& target, const Value& value) {
  if (target.attribute != nullptr) {
    const Value owner = LookUp(target.name);
    Namespace* owner_namespace = owner.object() == nullptr ? nullptr : owner.object()->AsNamespace();
    if (owner_namespace == nullptr) {
      return MakeError(ErrorCode::kInvalidArgument, "'{}' is {}; only attributes of a namespace can be set",
                       target.name->view(), KindName(owner));
    }
    return workspace_.Set(owner_namespace->attributes(), Value(target.attribute), value);
  }
  if (target.name != nullptr) return Bind(target.name, value);
  ASSIGN_OR_RETURN(const std::vector<Value> items, Items(workspace_, value));
  if (items.size() != target.parts.size()) {
    return MakeError(ErrorCode::kInvalidArgument, "{} names cannot be set from {} items", target.parts.size(),
                     items.size());
  }
  for (size_t i = 0; i < items.size(); ++i) RETURN_IF_ERROR(Assign(target.parts[i], items[i]));
  return {};
}

// Statements.

Status Interpreter::Enter(int line) {
  line_ = line;
  if (depth_ >= workspace_.limits().max_depth) {
    return MakeError(ErrorCode::kResourceExhausted, "the template calls itself too deep, or nests too deep");
  }
  return workspace_.Spend(1);
}

Status Interpreter::Write(const Value& value) {
  const size_t before = out_->cost_bytes();
  RETURN_IF_ERROR(Print(workspace_, value, *out_));
  return workspace_.SpendBytes(out_->cost_bytes() - before);
}

template <class Body>
Result<Value> Interpreter::Capture(Body body, Flow& flow) {
  Text captured;
  const Restore out(out_, &captured);
  ASSIGN_OR_RETURN(flow, body());
  return workspace_.NewText(std::move(captured));
}

Result<Interpreter::Flow> Interpreter::Execute(const Block& block) {
  for (const Statement* statement : block) {
    ASSIGN_OR_RETURN(const Flow flow, Execute(*statement));
    if (flow != Flow::kOn) return flow;
  }
  return Flow::kOn;
}

Result<Interpreter::Flow> Interpreter::Execute(const Statement& statement) {
  RETURN_IF_ERROR(Enter(statement.line));
  const Restore depth(depth_, depth_ + 1);
  return std::visit([this](const auto& node) { return Execute(node); }, statement.node);
}

Result<Interpreter::Flow> Interpreter::Execute(const TextOutput& output) {
  RETURN_IF_ERROR(workspace_.SpendBytes(output.text->size_bytes()));
  out_->Append(*output.text);
  return Flow::kOn;
}

Result<Interpreter::Flow> Interpreter::Execute(const ValueOutput& output) {
  ASSIGN_OR_RETURN(const Value value, Evaluate(output.value));
  RETURN_IF_ERROR(Write(value));
  return Flow::kOn;
}

Result<Interpreter::Flow> Interpreter::Execute(const If& statement) {
  for (const auto& [condition, body] : statement.branches) {
    ASSIGN_OR_RETURN(const Value value, Evaluate(condition));
    if (IsTrue(value)) return Execute(body);
  }
  return Execute(statement.otherwise);
}

Result<Interpreter::Flow> Interpreter::Execute(const For& statement) {
  ASSIGN_OR_RETURN(const Value items, Evaluate(statement.items));
  return RunLoop(statement, *scope_, items, 0);
}

Result<Interpreter::Flow> Interpreter::RunLoop(const For& statement, Scope& scope, const Value& items, int depth) {
  ASSIGN_OR_RETURN(std::vector<Value> all, Items(workspace_, items));
  RETURN_IF_ERROR(workspace_.SpendBytes(2 * all.size() * sizeof(Value)));
  ASSIGN_OR_RETURN(Loop * loop, workspace_.NewObject<Loop>(*this, statement, scope, std::move(all), depth));
  const Restore current(scope_);
  ASSIGN_OR_RETURN(const bool has_rounds, loop->HasRound(0));
  if (has_rounds) return RunRounds(statement, scope, *loop);
  ASSIGN_OR_RETURN(scope_, NewScope(&scope));
  return Execute(statement.otherwise);
}

Result<Interpreter::Flow> Interpreter::RunRounds(const For& statement, Scope& scope, Loop& loop) {
  const auto loop_name = source_.names.find("loop");
  for (size_t index = 0;; ++index) {
    ASSIGN_OR_RETURN(const bool has_round, loop.HasRound(index));
    if (!has_round) return Flow::kOn;
    loop.BeginRound(index);
    ASSIGN_OR_RETURN(scope_, NewScope(&scope));
    if (loop_name != source_.names.end()) RETURN_IF_ERROR(Bind(loop_name->second, Value(&loop)));
    RETURN_IF_ERROR(Assign(statement.target, loop.Item(index)));
    ASSIGN_OR_RETURN(const Flow flow, Execute(statement.body));
    if (flow == Flow::kBreak) return Flow::kOn;
  }
}

Result<bool> Interpreter::IsAccepted(const For& statement, Scope& scope, const Value& item) {
  const Restore current(scope_);
  ASSIGN_OR_RETURN(scope_, NewScope(&scope));
  RETURN_IF_ERROR(Assign(statement.target, item));
  ASSIGN_OR_RETURN(const Value answer, Evaluate(statement.filter));
  return IsTrue(answer);
}

Result<Value> Interpreter::CallLoop(const For& statement, Scope& scope, int depth, const Arguments& arguments) {
  if (arguments.positional.size() != 1 || !arguments.named.empty()) {
    return MakeError(ErrorCode::kInvalidArgument, "loop() takes the items of the inner loop");
  }
  Flow flow = Flow::kOn;
  return Capture([&] { return RunLoop(statement, scope, arguments.positional[0], depth); }, flow);
}

Result<Interpreter::Flow> Interpreter::Execute(const Set& set) {
  ASSIGN_OR_RETURN(const Value value, Evaluate(set.value));
  RETURN_IF_ERROR(Assign(set.target, value));
  return Flow::kOn;
}

Result<Interpreter::Flow> Interpreter::Execute(const SetBlock& block) {
  Flow flow = Flow::kOn;
  Value value;
  {
    const Restore current(scope_);
    ASSIGN_OR_RETURN(scope_, NewScope(scope_));
    ASSIGN_OR_RETURN(value, Capture([&] { return Execute(block.body); }, flow));
    if (block.filters != nullptr) {
      ASSIGN_OR_RETURN(value, ApplyFilters(block.filters, value));
    }
  }
  RETURN_IF_ERROR(Assign(block.target, value));
  return flow;
}

Result<Interpreter::Flow> Interpreter::Execute(const FilterBlock& block) {
  const Restore current(scope_);
  ASSIGN_OR_RETURN(scope_, NewScope(scope_));
  Flow flow = Flow::kOn;
  ASSIGN_OR_RETURN(const Value body, Capture([&] { return Execute(block.body); }, flow));
  ASSIGN_OR_RETURN(const Value filtered, ApplyFilters(block.filters, body));
  RETURN_IF_ERROR(Write(filtered));
  return flow;
}

Result<Value> Interpreter::ApplyFilters(ExpressionRef filters, const Value& body) {
  const Restore input(filter_input_, body);
  return Evaluate(filters);
}

Result<Interpreter::Flow> Interpreter::Execute(const MacroDefinition& macro) {
  ASSIGN_OR_RETURN(Macro * value, workspace_.NewObject<Macro>(*this, macro, *scope_));
  RETURN_IF_ERROR(Bind(macro.name, Value(value)));
  return Flow::kOn;
}

Result<Interpreter::Flow> Interpreter::Execute(const CallBlock& block) {
  const Call& call = std::get<Call>(block.call->node);
  ASSIGN_OR_RETURN(const Value callee, Evaluate(call.callee));
  ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(call.arguments));
  ASSIGN_OR_RETURN(Macro * caller, workspace_.NewObject<Macro>(*this, block.caller, *scope_));
  arguments.named.emplace_back(block.caller.name, Value(caller));
  ASSIGN_OR_RETURN(const Value result, CallValue(callee, arguments, call));
  RETURN_IF_ERROR(Write(result));
  return Flow::kOn;
}

Result<Interpreter::Flow> Interpreter::Execute(const With& with) {
  std::vector<Value> values;
  for (const auto& [target, value] : with.assignments) {
    ASSIGN_OR_RETURN(values.emplace_back(), Evaluate(value));
  }
  const Restore current(scope_);
  ASSIGN_OR_RETURN(scope_, NewScope(scope_));
  for (size_t i = 0; i < values.size(); ++i) RETURN_IF_ERROR(Assign(with.assignments[i].first, values[i]));
  return Execute(with.body);
}

Result<Interpreter::Flow> Interpreter::Execute(const Do& statement) {
  RETURN_IF_ERROR(Evaluate(statement.value));
  return Flow::kOn;
}

Result<Value> Interpreter::CallMacro(const MacroDefinition& macro, Scope& scope, const Arguments& arguments) {
  const Restore current(scope_);
  ASSIGN_OR_RETURN(scope_, NewScope(&scope));
  const size_t num_parameters = macro.parameters.size();
  const size_t num_positional = std::min(arguments.positional.size(), num_parameters);
  for (size_t i = 0; i < num_positional; ++i) RETURN_IF_ERROR(Bind(macro.parameters[i], arguments.positional[i]));

  std::vector<bool> is_given(num_parameters, false);
  std::fill_n(is_given.begin(), num_positional, true);
  ASSIGN_OR_RETURN(Dict * more_named, workspace_.NewDict());
  for (const auto& [name, value] : arguments.named) {
    const auto parameter = std::ranges::find(macro.parameters, name->view(), &Text::view);
    const auto index = static_cast<size_t>(parameter - macro.parameters.begin());
    if (parameter != macro.parameters.end() && !is_given[index]) {
      is_given[index] = true;
      RETURN_IF_ERROR(Bind(*parameter, value));
    } else if (name->view() == "caller") {
      if (const auto caller = source_.names.find("caller"); caller != source_.names.end()) {
        RETURN_IF_ERROR(Bind(caller->second, value));
      }
    } else if (macro.takes_more_named && parameter == macro.parameters.end()) {
      RETURN_IF_ERROR(workspace_.Set(*more_named, Value(name), value));
    } else {
      return MakeError(ErrorCode::kInvalidArgument, "the macro '{}' {} '{}'", macro.name->view(),
                       parameter == macro.parameters.end() ? "has no parameter" : "got twice the parameter",
                       name->view());
    }
  }
  if (arguments.positional.size() > num_parameters && !macro.takes_more_positional) {
    return MakeError(ErrorCode::kInvalidArgument, "the macro '{}' takes at most {} arguments, not {}",
                     macro.name->view(), num_parameters, arguments.positional.size());
  }
  // Defaults may speak of the parameters before them.
  for (size_t i = 0; i < num_parameters; ++i) {
    if (is_given[i]) continue;
    const size_t num_required = num_parameters - macro.defaults.size();
    Value value(Undefined{macro.parameters[i]});
    if (i >= num_required) {
      ASSIGN_OR_RETURN(value, Evaluate(macro.defaults[i - num_required]));
    }
    RETURN_IF_ERROR(Bind(macro.parameters[i], value));
  }
  if (macro.takes_more_named) RETURN_IF_ERROR(Define("kwargs", Value(more_named)));
  if (macro.takes_more_positional) {
    std::vector<Value> more(arguments.positional.begin() + static_cast<std::ptrdiff_t>(num_positional),
                            arguments.positional.end());
    ASSIGN_OR_RETURN(const Value varargs, workspace_.NewTuple(std::move(more)));
    RETURN_IF_ERROR(Define("varargs", varargs));
  }
  Flow flow = Flow::kOn;
  return Capture([&] { return Execute(macro.body); }, flow);
}

// Expressions.

Result<Value> Interpreter::Evaluate(ExpressionRef expression) {
  RETURN_IF_ERROR(Enter(expression->line));
  const Restore depth(depth_, depth_ + 1);
  return std::visit([this](const auto& node) { return Evaluate(node); }, expression->node);
}

Result<Value> Interpreter::EvaluateOptional(ExpressionRef expression) {
  return expression == nullptr ? Value() : Evaluate(expression);
}

Result<Value> Interpreter::Evaluate(const Name& name) {
  return LookUp(name.name);
}

Result<Value> Interpreter::Evaluate(const ListDisplay& list) {
  std::vector<Value> items;
  items.reserve(list.items.size());
  for (const ExpressionRef item : list.items) {
    ASSIGN_OR_RETURN(items.emplace_back(), Evaluate(item));
  }
  return list.is_tuple ? workspace_.NewTuple(std::move(items)) : workspace_.NewList(std::move(items));
}

Result<Value> Interpreter::Evaluate(const DictDisplay& dict) {
  ASSIGN_OR_RETURN(Dict * result, workspace_.NewDict());
  for (const auto& [key_expression, value_expression] : dict.entries) {
    ASSIGN_OR_RETURN(const Value key, Evaluate(key_expression));
    ASSIGN_OR_RETURN(const Value value, Evaluate(value_expression));
    RETURN_IF_ERROR(workspace_.Set(*result, key, value));
  }
  return Value(result);
}

Result<Value> Interpreter::Evaluate(const AttributeAccess& access) {
  ASSIGN_OR_RETURN(const Value object, Evaluate(access.object));
  return GetAttribute(workspace_, object, Value(access.name));
}

Result<Value> Interpreter::Evaluate(const ItemAccess& access) {
  ASSIGN_OR_RETURN(const Value object, Evaluate(access.object));
  ASSIGN_OR_RETURN(const Value index, Evaluate(access.index));
  return GetItem(workspace_, object, index);
}

Result<Value> Interpreter::Evaluate(const SliceAccess& access) {
  ASSIGN_OR_RETURN(const Value object, Evaluate(access.object));
  ASSIGN_OR_RETURN(const Value start, EvaluateOptional(access.start));
  ASSIGN_OR_RETURN(const Value stop, EvaluateOptional(access.stop));
  ASSIGN_OR_RETURN(const Value step, EvaluateOptional(access.step));
  return GetSlice(workspace_, object, start, stop, step);
}

Result<Arguments> Interpreter::EvaluateArguments(const CallArguments& arguments) {
  Arguments values;
  for (const ExpressionRef argument : arguments.positional) {
    ASSIGN_OR_RETURN(values.positional.emplace_back(), Evaluate(argument));
  }
  if (arguments.more_positional != nullptr) {
    ASSIGN_OR_RETURN(const Value more, Evaluate(arguments.more_positional));
    ASSIGN_OR_RETURN(const std::vector<Value> items, Items(workspace_, more));
    values.positional.insert(values.positional.end(), items.begin(), items.end());
  }
  for (const auto& [name, argument] : arguments.named) {
    ASSIGN_OR_RETURN(const Value value, Evaluate(argument));
    values.named.emplace_back(name, value);
  }
  if (arguments.more_named != nullptr) {
    ASSIGN_OR_RETURN(const Value more, Evaluate(arguments.more_named));
    if (more.dict() == nullptr) {
      return MakeError(ErrorCode::kInvalidArgument, "** takes a mapping, not {}", KindName(more));
    }
    RETURN_IF_ERROR(workspace_.Spend(more.dict()->size()));
    for (const auto& [key, value] : more.dict()->entries()) {
      if (key.text() == nullptr) return MakeError(ErrorCode::kInvalidArgument, "** takes keys that are strings");
      values.named.emplace_back(key.text(), value);
    }
  }
  return values;
}

Result<Value> Interpreter::CallValue(const Value& callee, const Arguments& arguments, const Call& call) {
  if (callee.object() != nullptr && callee.object()->IsCallable()) return callee.object()->Call(workspace_, arguments);
  std::string_view name = "this";
  if (const auto* plain = std::get_if<Name>(&call.callee->node)) name = plain->name->view();
  if (const auto* access = std::get_if<AttributeAccess>(&call.callee->node)) name = access->name->view();
  return MakeError(ErrorCode::kInvalidArgument, "'{}' is {} and cannot be called", name, KindName(callee));
}

Result<Value> Interpreter::Evaluate(const Call& call) {
  const int line = line_;
  ASSIGN_OR_RETURN(const Value callee, Evaluate(call.callee));
  ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(call.arguments));
  line_ = line;
  return CallValue(callee, arguments, call);
}

Result<Value> Interpreter::Evaluate(const FilterCall& call) {
  const int line = line_;
  Value input = filter_input_;
  if (call.input != nullptr) {
    ASSIGN_OR_RETURN(input, Evaluate(call.input));
  }
  ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(call.arguments));
  line_ = line;
  if (call.filter == nullptr) {
    return MakeError(ErrorCode::kUnsupported, "the filter '{}' is not known here", call.name->view());
  }
  return call.filter->function(BuiltinCall{workspace_, call.filter->name, input, arguments});
}

Result<Value> Interpreter::Evaluate(const TestCall& call) {
  const int line = line_;
  ASSIGN_OR_RETURN(const Value input, Evaluate(call.input));
  ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(call.arguments));
  line_ = line;
  if (call.test == nullptr) {
    return MakeError(ErrorCode::kUnsupported, "the test '{}' is not known here", call.name->view());
  }
  ASSIGN_OR_RETURN(const Value answer, call.test->function(BuiltinCall{workspace_, call.test->name, input, arguments}));
  return Value(IsTrue(answer) != call.is_negated);
}

Result<Value> Interpreter::Evaluate(const Negation& negation) {
  ASSIGN_OR_RETURN(const Value operand, Evaluate(negation.operand));
  return Value(!IsTrue(operand));
}

Result<Value> Interpreter::Evaluate(const Sign& sign) {
  ASSIGN_OR_RETURN(const Value operand, Evaluate(sign.operand));
  if (sign.is_minus) return Negate(operand);
  return Apply(workspace_, BinaryOperator::kAdd, Value(int64_t{0}), operand);
}

// A sum of strings is collected in one text, not in one for each "+".
Result<Value> Interpreter::Evaluate(const Chain& chain) {
  ASSIGN_OR_RETURN(Value result, Evaluate(chain.first));
  std::optional<Text> sum;
  for (const auto& [op, expression] : chain.rest) {
    ASSIGN_OR_RETURN(const Value operand, Evaluate(expression));
    if (op == BinaryOperator::kAdd && operand.text() != nullptr && (sum || result.text() != nullptr)) {
      if (!sum) sum = *result.text();
      RETURN_IF_ERROR(workspace_.CheckRoom(sum->cost_bytes() + operand.text()->cost_bytes()));
      sum->Append(*operand.text());
      continue;
    }
    if (sum) {
      ASSIGN_OR_RETURN(result, workspace_.NewText(*std::exchange(sum, std::nullopt)));
    }
    ASSIGN_OR_RETURN(result, Apply(workspace_, op, result, operand));
  }
  return sum ? workspace_.NewText(*std::move(sum)) : result;
}

Result<Value> Interpreter::Evaluate(const Concatenation& concatenation) {
  Text text;
  for (const ExpressionRef expression : concatenation.operands) {
    ASSIGN_OR_RETURN(const Value operand, Evaluate(expression));
    RETURN_IF_ERROR(Print(workspace_, operand, text));
  }
  return workspace_.NewText(std::move(text));
}

Result<Value> Interpreter::Evaluate(const Comparison& comparison) {
  ASSIGN_OR_RETURN(Value left, Evaluate(comparison.first));
  for (const auto& [op, expression] : comparison.rest) {
    ASSIGN_OR_RETURN(const Value right, Evaluate(expression));
    ASSIGN_OR_RETURN(const bool holds, Compare(workspace_, op, left, right));
    if (!holds) return Value(false);
    left = right;
  }
  return Value(true);
}

Result<Value> Interpreter::Evaluate(const Logic& logic) {
  Value value;
  for (const ExpressionRef operand : logic.operands) {
    ASSIGN_OR_RETURN(value, Evaluate(operand));
    if (IsTrue(value) != logic.is_and) break;
  }
  return value;
}

Result<Value> Interpreter::Evaluate(const Conditional& conditional) {
  ASSIGN_OR_RETURN(const Value condition, Evaluate(conditional.condition));
  return IsTrue(condition) ? Evaluate(conditional.then) : EvaluateOptional(conditional.otherwise);
}

}  // namespace tenfold::tokenizer::jinja
