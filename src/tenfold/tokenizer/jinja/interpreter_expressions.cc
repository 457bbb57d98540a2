// The half of the interpreter that gives values: one function for each kind of expression (ast.h).
#include <optional>
#include <utility>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/interpreter.h"
#include "tenfold/tokenizer/jinja/print.h"
#include "tenfold/tokenizer/jinja/restore.h"

namespace tenfold::tokenizer::jinja {

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
    RETURN_IF_ERROR(workspace_.SpendBytes(items.size() * sizeof(Value)));
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
    RETURN_IF_ERROR(workspace_.SpendBytes(more.dict()->size() * sizeof(Dict::Entry)));
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

// A text that grows while further operands are evaluated. What is nested in them may hold as much again, so that its
// bytes are paid for as they come.
class Interpreter::GrowingText {
 public:
  explicit GrowingText(Workspace& workspace) : workspace_(workspace) {}

  Status Append(const Value& value) {
    const size_t before = text_.cost_bytes();
    RETURN_IF_ERROR(Print(workspace_, value, text_));
    return workspace_.SpendBytes(text_.cost_bytes() - before);
  }
  Result<Value> Take() {
    workspace_.GiveBack(text_.cost_bytes());
    return workspace_.NewText(std::exchange(text_, {}));
  }

 private:
  Workspace& workspace_;
  Text text_;
};

// A sum of strings is collected in one text, not in one for each "+".
Result<Value> Interpreter::Evaluate(const Chain& chain) {
  ASSIGN_OR_RETURN(Value result, Evaluate(chain.first));
  std::optional<GrowingText> sum;
  for (const auto& [op, expression] : chain.rest) {
    ASSIGN_OR_RETURN(const Value operand, Evaluate(expression));
    if (op == BinaryOperator::kAdd && operand.text() != nullptr && (sum || result.text() != nullptr)) {
      if (!sum) RETURN_IF_ERROR(sum.emplace(workspace_).Append(result));
      RETURN_IF_ERROR(sum->Append(operand));
      continue;
    }
    if (sum) {
      ASSIGN_OR_RETURN(result, sum->Take());
      sum.reset();
    }
    ASSIGN_OR_RETURN(result, Apply(workspace_, op, result, operand));
  }
  return sum ? sum->Take() : result;
}

Result<Value> Interpreter::Evaluate(const Concatenation& concatenation) {
  GrowingText text(workspace_);
  for (const ExpressionRef expression : concatenation.operands) {
    ASSIGN_OR_RETURN(const Value operand, Evaluate(expression));
    RETURN_IF_ERROR(text.Append(operand));
  }
  return text.Take();
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
