#include "tenfold/tokenizer/jinja/interpreter.h"

#include <algorithm>
#include <utility>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/loop.h"
#include "tenfold/tokenizer/jinja/print.h"
#include "tenfold/tokenizer/jinja/restore.h"

namespace tenfold::tokenizer::jinja {
namespace {

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

// The scope of a block, while the block runs. Most are used again by the next block, so that loops of many rounds take
// no memory for their scopes.
class Interpreter::InnerScope {
 public:
  InnerScope(Interpreter& interpreter, Scope* parent) : interpreter_(interpreter), outer_(interpreter.scope_) {
    std::vector<Scope*>& free = interpreter.free_scopes_;
    if (free.empty()) free.push_back(&interpreter.scopes_.emplace_back());
    interpreter.scope_ = free.back();
    interpreter.scope_->parent = parent;
    free.pop_back();
  }
  ~InnerScope() {
    Scope* inner = std::exchange(interpreter_.scope_, outer_);
    if (inner->is_kept) return;
    inner->bindings.clear();
    interpreter_.free_scopes_.push_back(inner);
  }
  InnerScope(const InnerScope&) = delete;
  InnerScope& operator=(const InnerScope&) = delete;

 private:
  Interpreter& interpreter_;
  Scope* const outer_;
};

void Interpreter::Keep(Scope* scope) {
  for (; scope != nullptr && !scope->is_kept; scope = scope->parent) scope->is_kept = true;
}

Result<Value> Interpreter::LookUp(NameRef name) {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    // Templates have a few dozen names in a handful of scopes; one with thousands pays for looking through them.
    RETURN_IF_ERROR(workspace_.Spend((8 + scope->bindings.size()) / 16));
    const auto bound = std::ranges::find(scope->bindings, name, &std::pair<NameRef, Value>::first);
    if (bound != scope->bindings.end()) return bound->second;
  }
  return Value(Undefined{name});
}

Status Interpreter::Bind(NameRef name, const Value& value) {
  const auto bound = std::ranges::find(scope_->bindings, name, &std::pair<NameRef, Value>::first);
  if (bound != scope_->bindings.end()) {
    bound->second = value;
    return {};
  }
  auto& bindings = scope_->bindings;
  if (bindings.size() == bindings.capacity()) {
    RETURN_IF_ERROR(workspace_.SpendBytes((bindings.size() + 4) * sizeof(bindings[0])));
    bindings.reserve(2 * bindings.size() + 4);
  }
  bindings.emplace_back(name, value);
  return {};
}

Status Interpreter::Assign(const Target& target, const Value& value) {
  if (target.attribute != nullptr) {
    ASSIGN_OR_RETURN(const Value owner, LookUp(target.name));
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
  const size_t size_bytes = all.size() * sizeof(Value);
  RETURN_IF_ERROR(workspace_.SpendBytes(size_bytes));
  ASSIGN_OR_RETURN(Loop * loop, workspace_.NewObject<Loop>(*this, statement, scope, std::move(all), depth));
  if (statement.is_recursive || statement.filter != nullptr) Keep(&scope);
  ASSIGN_OR_RETURN(const bool has_rounds, loop->HasRound(0));
  if (!has_rounds) {
    const InnerScope inner(*this, &scope);
    return Execute(statement.otherwise);
  }
  ASSIGN_OR_RETURN(const Flow flow, RunRounds(statement, scope, *loop));
  loop->End();
  workspace_.GiveBack(size_bytes);
  return flow;
}

Result<Interpreter::Flow> Interpreter::RunRounds(const For& statement, Scope& scope, Loop& loop) {
  const auto loop_name = source_.names.find("loop");
  for (size_t index = 0;; ++index) {
    ASSIGN_OR_RETURN(const bool has_round, loop.HasRound(index));
    if (!has_round) return Flow::kOn;
    loop.BeginRound(index);
    const InnerScope inner(*this, &scope);
    if (loop_name != source_.names.end()) RETURN_IF_ERROR(Bind(loop_name->second, Value(&loop)));
    RETURN_IF_ERROR(Assign(statement.target, loop.Item(index)));
    ASSIGN_OR_RETURN(const Flow flow, Execute(statement.body));
    if (flow == Flow::kBreak) return Flow::kOn;
  }
}

Result<bool> Interpreter::IsAccepted(const For& statement, Scope& scope, const Value& item) {
  const InnerScope inner(*this, &scope);
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
    const InnerScope inner(*this, scope_);
    ASSIGN_OR_RETURN(value, Capture([&] { return Execute(block.body); }, flow));
    if (block.filters != nullptr) {
      ASSIGN_OR_RETURN(value, ApplyFilters(block.filters, value));
    }
  }
  RETURN_IF_ERROR(Assign(block.target, value));
  return flow;
}

Result<Interpreter::Flow> Interpreter::Execute(const FilterBlock& block) {
  const InnerScope inner(*this, scope_);
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
  Keep(scope_);
  RETURN_IF_ERROR(Bind(macro.name, Value(value)));
  return Flow::kOn;
}

Result<Interpreter::Flow> Interpreter::Execute(const CallBlock& block) {
  const Call& call = std::get<Call>(block.call->node);
  ASSIGN_OR_RETURN(const Value callee, Evaluate(call.callee));
  ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(call.arguments));
  ASSIGN_OR_RETURN(Macro * caller, workspace_.NewObject<Macro>(*this, block.caller, *scope_));
  Keep(scope_);
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
  const InnerScope inner(*this, scope_);
  for (size_t i = 0; i < values.size(); ++i) RETURN_IF_ERROR(Assign(with.assignments[i].first, values[i]));
  return Execute(with.body);
}

Result<Interpreter::Flow> Interpreter::Execute(const Do& statement) {
  RETURN_IF_ERROR(Evaluate(statement.value));
  return Flow::kOn;
}

Result<Value> Interpreter::CallMacro(const MacroDefinition& macro, Scope& scope, const Arguments& arguments) {
  const InnerScope inner(*this, &scope);
  const size_t num_parameters = macro.parameters.size();
  const size_t num_positional = std::min(arguments.positional.size(), num_parameters);
  for (size_t i = 0; i < num_positional; ++i) RETURN_IF_ERROR(Bind(macro.parameters[i], arguments.positional[i]));

  std::vector<bool> is_given(num_parameters, false);
  std::fill_n(is_given.begin(), num_positional, true);
  ASSIGN_OR_RETURN(Dict * more_named, workspace_.NewDict());
  for (const auto& [name, value] : arguments.named) {
    RETURN_IF_ERROR(workspace_.Spend(num_parameters / 8));
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

}  // namespace tenfold::tokenizer::jinja
