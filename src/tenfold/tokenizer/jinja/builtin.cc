#include "tenfold/tokenizer/jinja/builtin.h"

#include <algorithm>

#include "tenfold/tokenizer/jinja/builtin_tables.h"
#include "tenfold/tokenizer/jinja/print.h"

namespace tenfold::tokenizer::jinja {
namespace {

// Rows have few bytes and tables few rows; templates look them up as they are parsed.
const BuiltinRow* Find(std::initializer_list<std::span<const BuiltinRow>> tables, std::string_view name) {
  for (const auto& table : tables) {
    const auto row = std::ranges::find(table, name, &BuiltinRow::name);
    if (row != table.end()) return &*row;
  }
  return nullptr;
}

}  // namespace

Status BuiltinCall::BindInto(std::span<const std::string_view> names, size_t num_required,
                             std::span<Value> values) const {
  if (arguments.positional.size() > names.size()) {
    return Fail("takes at most {} arguments, not {}", names.size(), arguments.positional.size());
  }
  std::ranges::copy(arguments.positional, values.begin());
  size_t num_given = arguments.positional.size();
  for (const auto& [name, value] : arguments.named) {
    const auto parameter = std::ranges::find(names, name->view());
    if (parameter == names.end()) return Fail("has no argument '{}'", name->view());
    const auto index = static_cast<size_t>(parameter - names.begin());
    if (index < arguments.positional.size()) return Fail("got '{}' twice", name->view());
    values[index] = value;
    if (index < num_required) ++num_given;
  }
  if (num_given < num_required) return Fail("needs {} arguments, not {}", num_required, num_given);
  return {};
}

Result<int64_t> BuiltinCall::Integer(const Value& value, int64_t otherwise) const {
  if (value.IsUndefined()) return otherwise;
  if (const auto integer = ToInteger(value)) return *integer;
  return Fail("needs an integer, not {}", KindName(value));
}

Result<const Text*> BuiltinCall::Printed(const Value& value) const {
  return ToText(workspace, value);
}

Result<const Text*> BuiltinCall::String(const Value& value) const {
  if (value.text() != nullptr) return value.text();
  return Fail("needs a string, not {}", KindName(value));
}

const BuiltinRow* FindFilter(std::string_view name) {
  return Find({TextFilters(), ScalarFilters(), SequenceFilters(), SelectionFilters()}, name);
}

const BuiltinRow* FindTest(std::string_view name) {
  return Find({TestFunctions()}, name);
}

const BuiltinRow* FindMethod(const Value& self, std::string_view name) {
  if (self.text() != nullptr) return Find({StringMethods()}, name);
  if (self.dict() != nullptr) return Find({DictMethods()}, name);
  if (self.list() != nullptr) return Find({ListMethods()}, name);
  if (self.tuple() != nullptr) return Find({TupleMethods()}, name);
  return nullptr;
}

Result<Value> BuiltinFunction::Call(Workspace& workspace, const Arguments& arguments) {
  return row_.function(BuiltinCall{workspace, row_.name, self_, arguments});
}

}  // namespace tenfold::tokenizer::jinja
