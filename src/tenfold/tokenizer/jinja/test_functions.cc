// Tests: what stands behind "is". Each answers with a boolean.
#include <algorithm>
#include <string_view>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/builtin_tables.h"
#include "tenfold/tokenizer/jinja/characters.h"
#include "tenfold/tokenizer/jinja/operators.h"

namespace tenfold::tokenizer::jinja {
namespace {

bool IsIterator(const Value& value) {
  return value.object() != nullptr && value.object()->AsIterator() != nullptr;
}

bool IsDefined(const Value& v) {
  return !v.IsUndefined();
}
bool IsUndefined(const Value& v) {
  return v.IsUndefined();
}
bool IsNone(const Value& v) {
  return v.IsNone();
}
bool IsBoolean(const Value& v) {
  return v.If<bool>() != nullptr;
}
bool IsTrueBoolean(const Value& v) {
  return IsBoolean(v) && *v.If<bool>();
}
bool IsFalseBoolean(const Value& v) {
  return IsBoolean(v) && !*v.If<bool>();
}
bool IsInteger(const Value& v) {
  return v.If<int64_t>() != nullptr;
}
bool IsFloat(const Value& v) {
  return v.If<double>() != nullptr;
}
bool IsNumber(const Value& v) {
  return v.IsNumber();
}  // booleans too, as in Python
bool IsString(const Value& v) {
  return v.text() != nullptr;
}
bool IsMapping(const Value& v) {
  return v.dict() != nullptr;
}
// An undefined value has no items and a length of zero, and passes for a sequence.
bool IsSequence(const Value& v) {
  return v.text() || v.items() || v.dict() || v.IsUndefined();
}
bool IsIterable(const Value& v) {
  return IsSequence(v) || IsIterator(v);
}
bool IsCallable(const Value& v) {
  return v.object() != nullptr && v.object()->IsCallable();
}
bool IsEscaped(const Value&) {
  return false;
}

template <bool (*kPredicate)(const Value&)>
Result<Value> Of(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  return Value(kPredicate(call.self));
}

// Whether there is a letter, and each that has a case has this one.
template <bool (*kHasCase)(std::string_view), bool (*kHasOtherCase)(std::string_view)>
Result<Value> IsInCase(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  ASSIGN_OR_RETURN(const Text* text, call.Printed(call.self));
  RETURN_IF_ERROR(call.workspace.SpendCharacters(text->size_bytes()));
  bool has_case = false;
  for (std::string_view rest = text->view(); !rest.empty(); rest.remove_prefix(FirstCharacterBytes(rest))) {
    const std::string_view character = rest.substr(0, FirstCharacterBytes(rest));
    if (kHasOtherCase(character)) return Value(false);
    has_case = has_case || kHasCase(character);
  }
  return Value(has_case);
}

template <ComparisonOperator kOperator>
Result<Value> Compared(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"other"}, 1));
  ASSIGN_OR_RETURN(const bool holds, Compare(call.workspace, kOperator, call.self, arguments[0]));
  return Value(holds);
}

// The remainder of a division is as asked for.
Result<Value> Divides(const BuiltinCall& call, const Value& divisor, int64_t remainder) {
  ASSIGN_OR_RETURN(const Value rest, Apply(call.workspace, BinaryOperator::kModulo, call.self, divisor));
  ASSIGN_OR_RETURN(const bool holds, Equal(call.workspace, rest, Value(remainder)));
  return Value(holds);
}

template <int64_t kRemainder>
Result<Value> HasParity(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  return Divides(call, Value(int64_t{2}), kRemainder);
}

Result<Value> IsDivisibleBy(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"num"}, 1));
  return Divides(call, arguments[0], 0);
}

// The same object; of plain values, the same kind and value.
Result<Value> IsSameAs(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"other"}, 1));
  const Value& other = arguments[0];
  if (call.self.data().index() != other.data().index()) return Value(false);
  if (call.self.items() != nullptr) return Value(call.self.items() == other.items());
  if (call.self.dict() != nullptr) return Value(call.self.dict() == other.dict());
  ASSIGN_OR_RETURN(const bool is_equal, Equal(call.workspace, call.self, other));
  return Value(is_equal);
}

Result<Value> IsFilter(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const Text* name, call.Printed(call.self));
  return Value(FindFilter(name->view()) != nullptr);
}

Result<Value> IsTest(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const Text* name, call.Printed(call.self));
  return Value(FindTest(name->view()) != nullptr);
}

constexpr BuiltinRow kRows[] = {
    {"boolean", Of<IsBoolean>},
    {"callable", Of<IsCallable>},
    {"defined", Of<IsDefined>},
    {"divisibleby", IsDivisibleBy},
    {"eq", Compared<ComparisonOperator::kEqual>},
    {"equalto", Compared<ComparisonOperator::kEqual>},
    {"==", Compared<ComparisonOperator::kEqual>},
    {"escaped", Of<IsEscaped>},
    {"even", HasParity<0>},
    {"false", Of<IsFalseBoolean>},
    {"filter", IsFilter},
    {"float", Of<IsFloat>},
    {"ge", Compared<ComparisonOperator::kGreaterEqual>},
    {">=", Compared<ComparisonOperator::kGreaterEqual>},
    {"greaterthan", Compared<ComparisonOperator::kGreater>},
    {"gt", Compared<ComparisonOperator::kGreater>},
    {">", Compared<ComparisonOperator::kGreater>},
    {"in", Compared<ComparisonOperator::kIn>},
    {"integer", Of<IsInteger>},
    {"iterable", Of<IsIterable>},
    {"le", Compared<ComparisonOperator::kLessEqual>},
    {"<=", Compared<ComparisonOperator::kLessEqual>},
    {"lessthan", Compared<ComparisonOperator::kLess>},
    {"lower", IsInCase<IsLower, IsUpper>},
    {"lt", Compared<ComparisonOperator::kLess>},
    {"<", Compared<ComparisonOperator::kLess>},
    {"mapping", Of<IsMapping>},
    {"ne", Compared<ComparisonOperator::kNotEqual>},
    {"!=", Compared<ComparisonOperator::kNotEqual>},
    {"none", Of<IsNone>},
    {"number", Of<IsNumber>},
    {"odd", HasParity<1>},
    {"sameas", IsSameAs},
    {"sequence", Of<IsSequence>},
    {"string", Of<IsString>},
    {"test", IsTest},
    {"true", Of<IsTrueBoolean>},
    {"undefined", Of<IsUndefined>},
    {"upper", IsInCase<IsUpper, IsLower>},
};

}  // namespace

std::span<const BuiltinRow> TestFunctions() {
  return kRows;
}

}  // namespace tenfold::tokenizer::jinja
