#include "tenfold/tokenizer/jinja/operators.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/characters.h"
#include "tenfold/tokenizer/jinja/string_format.h"

namespace tenfold::tokenizer::jinja {
namespace {

std::string_view Symbol(BinaryOperator op) {
  constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "**"};
  return kSymbols[static_cast<size_t>(op)];
}

std::string Describe(const Value& value) {
  const Undefined* undefined = value.If<Undefined>();
  if (undefined == nullptr) return std::string(KindName(value));
  return undefined->name == nullptr ? "an undefined value" : fmt::format("'{}' (undefined)", undefined->name->view());
}

tl::unexpected<Error> NoOperator(std::string_view symbol, const Value& left, const Value& right) {
  return MakeError(ErrorCode::kInvalidArgument, "'{}' does not work on {} and {}", symbol, Describe(left),
                   Describe(right));
}

tl::unexpected<Error> Overflow(std::string_view symbol) {
  return MakeError(ErrorCode::kInvalidArgument, "the result of '{}' does not fit an integer of 64 bits", symbol);
}

Result<int64_t> IntegerPower(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if (exponent % 2 == 1 && __builtin_mul_overflow(result, base, &result)) return Overflow("**");
    exponent /= 2;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return Overflow("**");
  }
  return result;
}

// Of Python: rounds toward minus infinity. The divisor is not zero.
Result<int64_t> FloorDivide(int64_t left, int64_t right) {
  if (right == -1) {
    int64_t result = 0;
    if (__builtin_sub_overflow(int64_t{0}, left, &result)) return Overflow("//");
    return result;
  }
  const int64_t quotient = left / right;
  return left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient;
}

// The remainder has the divisor's sign.
int64_t Modulo(int64_t left, int64_t right) {
  if (right == -1) return 0;
  const int64_t remainder = left % right;
  return remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder;
}

double Modulo(double left, double right) {
  const double remainder = std::fmod(left, right);
  return remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder;
}

Result<Value> ApplyToIntegers(BinaryOperator op, int64_t left, int64_t right) {
  int64_t result = 0;
  bool overflows = false;
  switch (op) {
    case BinaryOperator::kAdd:
      overflows = __builtin_add_overflow(left, right, &result);
      break;
    case BinaryOperator::kSubtract:
      overflows = __builtin_sub_overflow(left, right, &result);
      break;
    case BinaryOperator::kMultiply:
      overflows = __builtin_mul_overflow(left, right, &result);
      break;
    case BinaryOperator::kDivide:
      return Value(static_cast<double>(left) / static_cast<double>(right));
    case BinaryOperator::kFloorDivide: {
      ASSIGN_OR_RETURN(result, FloorDivide(left, right));
      break;
    }
    case BinaryOperator::kModulo:
      result = Modulo(left, right);
      break;
    case BinaryOperator::kPower: {
      if (right < 0) return Value(std::pow(static_cast<double>(left), static_cast<double>(right)));
      ASSIGN_OR_RETURN(result, IntegerPower(left, right));
      break;
    }
  }
  if (overflows) return Overflow(Symbol(op));
  return Value(result);
}

double ApplyToFloats(BinaryOperator op, double left, double right) {
  switch (op) {
    case BinaryOperator::kAdd:
      return left + right;
    case BinaryOperator::kSubtract:
      return left - right;
    case BinaryOperator::kMultiply:
      return left * right;
    case BinaryOperator::kDivide:
      return left / right;
    case BinaryOperator::kFloorDivide:
      return std::floor(left / right);
    case BinaryOperator::kModulo:
      return Modulo(left, right);
    case BinaryOperator::kPower:
      return std::pow(left, right);
  }
  return 0;
}

Result<Value> ApplyToNumbers(BinaryOperator op, const Value& left, const Value& right) {
  const bool divides =
      op == BinaryOperator::kDivide || op == BinaryOperator::kFloorDivide || op == BinaryOperator::kModulo;
  const bool inverts = op == BinaryOperator::kPower && ToDouble(right) < 0;
  if ((divides && ToDouble(right) == 0) || (inverts && ToDouble(left) == 0)) {
    return MakeError(ErrorCode::kInvalidArgument, "'{}' divides by zero", Symbol(op));
  }
  const auto left_integer = ToInteger(left);
  const auto right_integer = ToInteger(right);
  if (left_integer && right_integer) return ApplyToIntegers(op, *left_integer, *right_integer);
  return Value(ApplyToFloats(op, ToDouble(left), ToDouble(right)));
}

Result<Value> Repeat(Workspace& workspace, const Value& value, int64_t times) {
  const size_t count = times > 0 ? static_cast<size_t>(times) : 0;
  const size_t unit = value.text() != nullptr ? value.text()->cost_bytes() : value.items()->size() * sizeof(Value);
  size_t size = 0;
  RETURN_IF_ERROR(workspace.CheckRoom(__builtin_mul_overflow(unit, count, &size) ? SIZE_MAX : size));
  if (value.text() != nullptr) {
    Text text;
    if (!value.text()->empty()) {
      for (size_t i = 0; i < count; ++i) text.Append(*value.text());
    }
    return workspace.NewText(std::move(text));
  }
  std::vector<Value> items;
  if (!value.items()->empty()) {
    for (size_t i = 0; i < count; ++i) items.insert(items.end(), value.items()->begin(), value.items()->end());
  }
  return value.tuple() != nullptr ? workspace.NewTuple(std::move(items)) : workspace.NewList(std::move(items));
}

Result<Value> Join(Workspace& workspace, const Value& left, const Value& right) {
  if (left.text() != nullptr) {
    RETURN_IF_ERROR(workspace.CheckRoom(left.text()->cost_bytes() + right.text()->cost_bytes()));
    Text text = *left.text();
    text.Append(*right.text());
    return workspace.NewText(std::move(text));
  }
  RETURN_IF_ERROR(workspace.CheckRoom((left.items()->size() + right.items()->size()) * sizeof(Value)));
  std::vector<Value> items = *left.items();
  items.insert(items.end(), right.items()->begin(), right.items()->end());
  return left.tuple() != nullptr ? workspace.NewTuple(std::move(items)) : workspace.NewList(std::move(items));
}

// format % arguments: a tuple holds several, a mapping named ones, anything else is the one.
Result<Value> Format(Workspace& workspace, const Text& format, const Value& value) {
  Arguments arguments;
  if (value.tuple() != nullptr) {
    RETURN_IF_ERROR(workspace.Spend(value.tuple()->items.size()));
    arguments.positional = value.tuple()->items;
  } else if (value.dict() != nullptr) {
    RETURN_IF_ERROR(workspace.Spend(value.dict()->size()));
    for (const auto& [key, item] : value.dict()->entries()) {
      if (key.text() != nullptr) arguments.named.emplace_back(key.text(), item);
    }
  } else {
    arguments.positional.push_back(value);
  }
  ASSIGN_OR_RETURN(Text text, FormatPercent(workspace, format, arguments));
  return workspace.NewText(std::move(text));
}

bool AreOfOneSequenceKind(const Value& left, const Value& right) {
  return (left.text() && right.text()) || (left.list() && right.list()) || (left.tuple() && right.tuple());
}

bool IsSequence(const Value& value) {
  return value.text() != nullptr || value.items() != nullptr;
}

Result<bool> EqualAt(Workspace& workspace, const Value& left, const Value& right, int depth);

Result<bool> ItemsEqual(Workspace& workspace, const std::vector<Value>& left, const std::vector<Value>& right,
                        int depth) {
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    ASSIGN_OR_RETURN(const bool is_equal, EqualAt(workspace, left[i], right[i], depth + 1));
    if (!is_equal) return false;
  }
  return true;
}

Result<bool> EntriesEqual(Workspace& workspace, const Dict& left, const Dict& right, int depth) {
  if (left.size() != right.size()) return false;
  for (const auto& [key, value] : left.entries()) {
    RETURN_IF_ERROR(workspace.SpendLookUp(key));
    const Value* other = right.Find(key);
    if (other == nullptr) return false;
    ASSIGN_OR_RETURN(const bool is_equal, EqualAt(workspace, value, *other, depth + 1));
    if (!is_equal) return false;
  }
  return true;
}

Result<bool> EqualAt(Workspace& workspace, const Value& left, const Value& right, int depth) {
  RETURN_IF_ERROR(workspace.Spend(1));
  RETURN_IF_ERROR(workspace.CheckValueDepth(depth));
  if (left.IsNumber() && right.IsNumber()) {
    const auto left_integer = ToInteger(left);
    const auto right_integer = ToInteger(right);
    if (left_integer && right_integer) return *left_integer == *right_integer;
    return ToDouble(left) == ToDouble(right);
  }
  if (left.data().index() != right.data().index()) return false;
  if (left.text() != nullptr) {
    if (left.text()->size_bytes() != right.text()->size_bytes()) return false;
    RETURN_IF_ERROR(workspace.SpendReading(left.text()->size_bytes()));
    return left.text()->view() == right.text()->view();
  }
  if (left.items() != nullptr) return ItemsEqual(workspace, *left.items(), *right.items(), depth);
  if (left.dict() != nullptr) return EntriesEqual(workspace, *left.dict(), *right.dict(), depth);
  return left.object() == right.object();  // also none and undefined, which have no object
}

Result<bool> LessAt(Workspace& workspace, const Value& left, const Value& right, int depth) {
  RETURN_IF_ERROR(workspace.Spend(1));
  RETURN_IF_ERROR(workspace.CheckValueDepth(depth));
  if (left.IsNumber() && right.IsNumber()) {
    const auto left_integer = ToInteger(left);
    const auto right_integer = ToInteger(right);
    if (left_integer && right_integer) return *left_integer < *right_integer;
    return ToDouble(left) < ToDouble(right);
  }
  if (!AreOfOneSequenceKind(left, right)) return NoOperator("<", left, right);
  if (left.text() != nullptr) {
    RETURN_IF_ERROR(workspace.SpendReading(std::min(left.text()->size_bytes(), right.text()->size_bytes())));
    return left.text()->view() < right.text()->view();
  }
  const std::vector<Value>& a = *left.items();
  const std::vector<Value>& b = *right.items();
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    ASSIGN_OR_RETURN(const bool is_equal, EqualAt(workspace, a[i], b[i], depth + 1));
    if (!is_equal) return LessAt(workspace, a[i], b[i], depth + 1);
  }
  return a.size() < b.size();
}

Result<bool> Contains(Workspace& workspace, const Value& whole, const Value& part) {
  if (whole.text() != nullptr) {
    if (part.text() == nullptr) return NoOperator("in", part, whole);
    RETURN_IF_ERROR(workspace.SpendReading(whole.text()->size_bytes() + part.text()->size_bytes()));
    return FindBytes(whole.text()->view(), part.text()->view()) != std::string_view::npos;
  }
  if (whole.dict() != nullptr) {
    RETURN_IF_ERROR(workspace.SpendLookUp(part));
    return whole.dict()->Find(part) != nullptr;
  }
  ASSIGN_OR_RETURN(const std::vector<Value> items, Items(workspace, whole));
  for (const Value& item : items) {
    ASSIGN_OR_RETURN(const bool is_equal, Equal(workspace, item, part));
    if (is_equal) return true;
  }
  return false;
}

}  // namespace

Result<Value> Apply(Workspace& workspace, BinaryOperator op, const Value& left, const Value& right) {
  if (left.IsNumber() && right.IsNumber()) {
    ASSIGN_OR_RETURN(const Value result, ApplyToNumbers(op, left, right));
    return result.Marked(left.is_input() || right.is_input());
  }
  const bool is_input = left.is_input() || right.is_input();
  if (op == BinaryOperator::kAdd && AreOfOneSequenceKind(left, right)) {
    ASSIGN_OR_RETURN(const Value result, Join(workspace, left, right));
    return result.text() != nullptr ? result : result.Marked(is_input);
  }
  if (op == BinaryOperator::kMultiply && IsSequence(left) && ToInteger(right)) {
    return Repeat(workspace, left, *ToInteger(right));
  }
  if (op == BinaryOperator::kMultiply && IsSequence(right) && ToInteger(left)) {
    return Repeat(workspace, right, *ToInteger(left));
  }
  if (op == BinaryOperator::kModulo && left.text() != nullptr) return Format(workspace, *left.text(), right);
  return NoOperator(Symbol(op), left, right);
}

Result<Value> Negate(const Value& operand) {
  if (const double* number = operand.If<double>()) return Value(-*number, operand.is_input());
  const auto integer = ToInteger(operand);
  if (!integer) return MakeError(ErrorCode::kInvalidArgument, "'-' does not work on {}", Describe(operand));
  int64_t result = 0;
  if (__builtin_sub_overflow(int64_t{0}, *integer, &result)) return Overflow("-");
  return Value(result, operand.is_input());
}

Result<bool> Equal(Workspace& workspace, const Value& left, const Value& right) {
  return EqualAt(workspace, left, right, 0);
}

Result<bool> Less(Workspace& workspace, const Value& left, const Value& right) {
  return LessAt(workspace, left, right, 0);
}

Result<bool> Compare(Workspace& workspace, ComparisonOperator op, const Value& left, const Value& right) {
  switch (op) {
    case ComparisonOperator::kEqual:
      return Equal(workspace, left, right);
    case ComparisonOperator::kNotEqual:
      return Equal(workspace, left, right).map([](bool is_equal) { return !is_equal; });
    case ComparisonOperator::kLess:
      return Less(workspace, left, right);
    case ComparisonOperator::kGreater:
      return Less(workspace, right, left);
    case ComparisonOperator::kLessEqual:
    case ComparisonOperator::kGreaterEqual: {
      ASSIGN_OR_RETURN(const bool is_equal, Equal(workspace, left, right));
      if (is_equal && (left.IsNumber() || IsSequence(left))) return true;
      return op == ComparisonOperator::kLessEqual ? Less(workspace, left, right) : Less(workspace, right, left);
    }
    case ComparisonOperator::kIn:
      return Contains(workspace, right, left);
    case ComparisonOperator::kNotIn:
      return Contains(workspace, right, left).map([](bool is_in) { return !is_in; });
  }
  return false;
}

}  // namespace tenfold::tokenizer::jinja
