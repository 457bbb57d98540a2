// What is built in: filters, tests, methods of strings, lists and mappings, and global functions.
//
// All have one form, a function of a BuiltinCall, and stand in tables by name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/object.h"
#include "tenfold/tokenizer/jinja/value.h"
#include "tenfold/tokenizer/jinja/workspace.h"

namespace tenfold::tokenizer::jinja {

struct BuiltinCall {
  Workspace& workspace;
  std::string_view name;
  Value self;  // what is filtered, tested, or has the method; undefined for global functions
  const Arguments& arguments;

  // The arguments in the order of `names`, undefined where absent. Errors: kInvalidArgument for unknown, doubled and
  // surplus arguments, and when fewer than `num_required` are there.
  template <size_t kCount>
  Result<std::array<Value, kCount>> Bind(const std::array<std::string_view, kCount>& names,
                                         size_t num_required = 0) const {
    std::array<Value, kCount> values;
    RETURN_IF_ERROR(BindInto(names, num_required, values));
    return values;
  }
  // That there are no arguments.
  Status BindNone() const { return BindInto({}, 0, {}); }

  // The error of a call that cannot be: "join: ..."
  template <class... Args>
  tl::unexpected<Error> Fail(fmt::format_string<Args...> format, Args&&... args) const {
    return MakeError(ErrorCode::kInvalidArgument, "{}: {}", name, fmt::format(format, std::forward<Args>(args)...));
  }

  // `value` as what a parameter needs; where it is undefined, `otherwise`.
  Result<int64_t> Integer(const Value& value, int64_t otherwise) const;
  // str(value).
  Result<const Text*> Printed(const Value& value) const;
  // A string, and nothing else.
  Result<const Text*> String(const Value& value) const;

 private:
  Status BindInto(std::span<const std::string_view> names, size_t num_required, std::span<Value> values) const;
};

using Builtin = Result<Value> (*)(const BuiltinCall&);

struct BuiltinRow {
  std::string_view name;
  Builtin function;
};

// nullptr when there is none of this name.
const BuiltinRow* FindFilter(std::string_view name);
const BuiltinRow* FindTest(std::string_view name);
// Of a string, list, tuple or mapping.
const BuiltinRow* FindMethod(const Value& self, std::string_view name);
// range, dict, namespace, joiner, cycler, raise_exception.
std::span<const BuiltinRow> GlobalFunctions();

// A builtin as a value: a global function, or a method with the value it belongs to.
class BuiltinFunction : public Object {
 public:
  BuiltinFunction(const BuiltinRow& row, const Value& self) : row_(row), self_(self) {}
  std::string_view TypeName() const override { return "a function"; }
  bool IsCallable() const override { return true; }
  Result<Value> Call(Workspace& workspace, const Arguments& arguments) override;

 private:
  const BuiltinRow& row_;
  const Value self_;
};

}  // namespace tenfold::tokenizer::jinja
