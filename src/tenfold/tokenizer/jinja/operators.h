// The operators of the language on values, as Python defines them.
//
// Results of input are input: a slice of an input list, a sum with an input number. Integers have 64 bits; a result
// that does not fit is an error. Errors are kInvalidArgument for values that have no such operator, undefined ones
// first of all, and kResourceExhausted.
#pragma once

#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/value.h"
#include "tenfold/tokenizer/jinja/workspace.h"

namespace tenfold::tokenizer::jinja {

enum class BinaryOperator { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class ComparisonOperator { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };

Result<Value> Apply(Workspace& workspace, BinaryOperator op, const Value& left, const Value& right);
Result<Value> Negate(const Value& operand);
Result<bool> Compare(Workspace& workspace, ComparisonOperator op, const Value& left, const Value& right);

// left == right. Numbers equal by value, lists, tuples and mappings by what they hold, objects by identity.
Result<bool> Equal(Workspace& workspace, const Value& left, const Value& right);
// left < right, of numbers, strings, lists and tuples.
Result<bool> Less(Workspace& workspace, const Value& left, const Value& right);

}  // namespace tenfold::tokenizer::jinja
