// Filters that apply a filter or a test to each item: map, select, reject, selectattr, rejectattr.
#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/builtin_tables.h"

namespace tenfold::tokenizer::jinja {
namespace {

// The arguments behind the first `count` of a call: those of the filter or test that is applied.
Arguments ArgumentsBehind(const Arguments& arguments, size_t count) {
  Arguments rest = arguments;
  const size_t num_taken = std::min(count, rest.positional.size());
  rest.positional.erase(rest.positional.begin(), rest.positional.begin() + static_cast<std::ptrdiff_t>(num_taken));
  return rest;
}

// What is false has no items here: none and 0 are as good as an empty list.
Result<std::vector<Value>> ItemsIfAny(const BuiltinCall& call) {
  if (!IsTrue(call.self)) return std::vector<Value>();
  return Items(call.workspace, call.self);
}

Result<Value> MapToAttribute(const BuiltinCall& call, const Value& path, const Value& otherwise) {
  ASSIGN_OR_RETURN(std::vector<Value> items, ItemsIfAny(call));
  for (Value& item : items) {
    ASSIGN_OR_RETURN(item, GetAttributePath(call.workspace, item, path, otherwise));
  }
  return call.workspace.NewGenerator(std::move(items));
}

// map("upper"), map("join", ", "), map(attribute="function", default=none)
Result<Value> FilterMap(const BuiltinCall& call) {
  if (call.arguments.positional.empty()) {
    ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"attribute", "default"}, 1));
    return MapToAttribute(call, arguments[0], arguments[1]);
  }
  ASSIGN_OR_RETURN(const Text* name, call.String(call.arguments.positional[0]));
  const BuiltinRow* filter = FindFilter(name->view());
  if (filter == nullptr) return call.Fail("there is no filter '{}'", name->view());
  const Arguments rest = ArgumentsBehind(call.arguments, 1);
  ASSIGN_OR_RETURN(std::vector<Value> items, ItemsIfAny(call));
  for (Value& item : items) {
    RETURN_IF_ERROR(call.workspace.Spend(1 + rest.positional.size()));
    ASSIGN_OR_RETURN(item, filter->function(BuiltinCall{call.workspace, filter->name, item, rest}));
  }
  return call.workspace.NewGenerator(std::move(items));
}

// select("odd"), selectattr("role", "equalto", "user"); without a test, what is true. `kKept` is what the test must
// answer.
template <bool kOfAttribute, bool kKept>
Result<Value> Filter(const BuiltinCall& call) {
  const std::vector<Value>& positional = call.arguments.positional;
  constexpr size_t kTestIndex = kOfAttribute ? 1 : 0;
  if (kOfAttribute && positional.empty()) return call.Fail("needs the name of an attribute");
  const BuiltinRow* test = nullptr;
  if (positional.size() > kTestIndex) {
    ASSIGN_OR_RETURN(const Text* name, call.String(positional[kTestIndex]));
    test = FindTest(name->view());
    if (test == nullptr) return call.Fail("there is no test '{}'", name->view());
  }
  const Arguments rest = ArgumentsBehind(call.arguments, kTestIndex + 1);
  ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsIfAny(call));
  std::vector<Value> kept;
  for (const Value& item : items) {
    RETURN_IF_ERROR(call.workspace.Spend(1 + rest.positional.size()));
    Value answer = item;
    if (kOfAttribute) {
      ASSIGN_OR_RETURN(answer, GetAttributePath(call.workspace, item, positional[0]));
    }
    if (test != nullptr) {
      ASSIGN_OR_RETURN(answer, test->function(BuiltinCall{call.workspace, test->name, answer, rest}));
    }
    if (IsTrue(answer) == kKept) kept.push_back(item);
  }
  return call.workspace.NewGenerator(std::move(kept));
}

constexpr BuiltinRow kRows[] = {
    {"map", FilterMap},
    {"reject", Filter<false, false>},
    {"rejectattr", Filter<true, false>},
    {"select", Filter<false, true>},
    {"selectattr", Filter<true, true>},
};

}  // namespace

std::span<const BuiltinRow> SelectionFilters() {
  return kRows;
}

}  // namespace tenfold::tokenizer::jinja
