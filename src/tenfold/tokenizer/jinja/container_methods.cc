// The methods of Python's lists, tuples and mappings.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/builtin_tables.h"
#include "tenfold/tokenizer/jinja/operators.h"

namespace tenfold::tokenizer::jinja {
namespace {

Dict& SelfDict(const BuiltinCall& call) {
  return *call.self.dict();
}
std::vector<Value>& SelfItems(const BuiltinCall& call) {
  return call.self.list()->items;
}

Result<Value> View(const BuiltinCall& call, std::vector<Value> items, std::string_view type_name) {
  RETURN_IF_ERROR(call.BindNone());
  RETURN_IF_ERROR(call.workspace.SpendBytes(items.size() * sizeof(Value)));
  ASSIGN_OR_RETURN(Iterator * view, call.workspace.NewObject<Iterator>(std::move(items), type_name, true));
  return Value(view);
}

Result<Value> DictItems(const BuiltinCall& call) {
  std::vector<Value> pairs;
  for (const auto& [key, value] : SelfDict(call).entries()) {
    ASSIGN_OR_RETURN(pairs.emplace_back(), call.workspace.NewTuple({key, value}));
  }
  return View(call, std::move(pairs), "dict_items");
}

Result<Value> DictKeys(const BuiltinCall& call) {
  std::vector<Value> keys;
  for (const auto& [key, value] : SelfDict(call).entries()) keys.push_back(key);
  return View(call, std::move(keys), "dict_keys");
}

Result<Value> DictValues(const BuiltinCall& call) {
  std::vector<Value> values;
  for (const auto& [key, value] : SelfDict(call).entries()) values.push_back(value);
  return View(call, std::move(values), "dict_values");
}

Result<Value> DictGet(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"key", "default"}, 1));
  RETURN_IF_ERROR(call.workspace.SpendLookUp(arguments[0]));
  if (const Value* found = SelfDict(call).Find(arguments[0])) return *found;
  return call.arguments.positional.size() + call.arguments.named.size() > 1 ? arguments[1] : Value(None{});
}

Result<Value> DictPop(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"key", "default"}, 1));
  RETURN_IF_ERROR(call.workspace.SpendLookUp(arguments[0]));
  RETURN_IF_ERROR(call.workspace.Spend(4 * SelfDict(call).size()));  // the index is built anew
  const Value* found = SelfDict(call).Find(arguments[0]);
  if (found == nullptr && arguments[1].IsUndefined()) return call.Fail("the mapping has no such key");
  if (found == nullptr) return arguments[1];
  const Value value = *found;
  SelfDict(call).Erase(arguments[0]);
  return value;
}

Result<Value> DictSetDefault(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"key", "default"}, 1));
  RETURN_IF_ERROR(call.workspace.SpendLookUp(arguments[0]));
  if (const Value* found = SelfDict(call).Find(arguments[0])) return *found;
  const Value value = arguments[1].IsUndefined() ? Value(None{}) : arguments[1];
  RETURN_IF_ERROR(call.workspace.Set(SelfDict(call), arguments[0], value));
  return value;
}

Status CopyEntries(const BuiltinCall& call, const Dict& from, Dict& to) {
  const std::vector<Dict::Entry> entries = from.entries();  // a copy: it may be the same
  RETURN_IF_ERROR(call.workspace.Spend(entries.size()));
  for (const auto& [key, value] : entries) RETURN_IF_ERROR(call.workspace.Set(to, key, value));
  return {};
}

Result<Value> DictUpdate(const BuiltinCall& call) {
  for (const Value& other : call.arguments.positional) {
    if (other.dict() == nullptr) return call.Fail("needs a mapping, not {}", KindName(other));
    RETURN_IF_ERROR(CopyEntries(call, *other.dict(), SelfDict(call)));
  }
  for (const auto& [name, value] : call.arguments.named) {
    RETURN_IF_ERROR(call.workspace.Set(SelfDict(call), Value(name), value));
  }
  return Value(None{});
}

Result<Value> DictCopy(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  ASSIGN_OR_RETURN(Dict * copy, call.workspace.NewDict());
  RETURN_IF_ERROR(CopyEntries(call, SelfDict(call), *copy));
  return Value(copy, call.self.is_input());
}

// The place before which an index inserts, or which it names: negative ones count from the end.
std::optional<size_t> Place(int64_t index, size_t size) {
  if (index < 0) index += static_cast<int64_t>(size);
  if (index < 0 || index >= static_cast<int64_t>(size)) return std::nullopt;
  return static_cast<size_t>(index);
}

Result<Value> ListAppend(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"object"}, 1));
  RETURN_IF_ERROR(call.workspace.Append(*call.self.list(), arguments[0]));
  return Value(None{});
}

Result<Value> ListExtend(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"iterable"}, 1));
  ASSIGN_OR_RETURN(const std::vector<Value> items, Items(call.workspace, arguments[0]));
  for (const Value& item : items) RETURN_IF_ERROR(call.workspace.Append(*call.self.list(), item));
  return Value(None{});
}

Result<Value> ListInsert(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"index", "object"}, 2));
  ASSIGN_OR_RETURN(const int64_t index, call.Integer(arguments[0], 0));
  std::vector<Value>& items = SelfItems(call);
  RETURN_IF_ERROR(call.workspace.Spend(items.size() / 16));
  RETURN_IF_ERROR(call.workspace.SpendBytes(sizeof(Value)));
  const size_t place = Place(index, items.size()).value_or(index < 0 ? 0 : items.size());
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(place), arguments[1]);
  return Value(None{});
}

Result<Value> ListPop(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"index"}));
  ASSIGN_OR_RETURN(const int64_t index, call.Integer(arguments[0], -1));
  std::vector<Value>& items = SelfItems(call);
  const auto place = Place(index, items.size());
  if (!place) return call.Fail("the list has {} items, none at {}", items.size(), index);
  RETURN_IF_ERROR(call.workspace.Spend((items.size() - *place) / 16));
  const Value value = items[*place];
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(*place));
  return value;
}

Result<Value> ListReverse(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  RETURN_IF_ERROR(call.workspace.Spend(SelfItems(call).size()));
  std::ranges::reverse(SelfItems(call));
  return Value(None{});
}

Result<Value> ListCopy(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  ASSIGN_OR_RETURN(const Value copy, call.workspace.NewList(SelfItems(call)));
  return copy.Marked(call.self.is_input());
}

template <class Container>
Result<Value> Clear(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  if constexpr (std::is_same_v<Container, Dict>) {
    SelfDict(call) = Dict();
  } else {
    SelfItems(call).clear();
  }
  return Value(None{});
}

Result<Value> ItemIndex(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"value"}, 1));
  const std::vector<Value>& items = *call.self.items();
  for (size_t i = 0; i < items.size(); ++i) {
    ASSIGN_OR_RETURN(const bool is_equal, Equal(call.workspace, items[i], arguments[0]));
    if (is_equal) return Value(static_cast<int64_t>(i));
  }
  return call.Fail("the list does not hold this value");
}

Result<Value> ItemCount(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"value"}, 1));
  int64_t count = 0;
  for (const Value& item : *call.self.items()) {
    ASSIGN_OR_RETURN(const bool is_equal, Equal(call.workspace, item, arguments[0]));
    if (is_equal) ++count;
  }
  return Value(count);
}

Result<Value> ListRemove(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const Value index, ItemIndex(call));
  RETURN_IF_ERROR(call.workspace.Spend(SelfItems(call).size() / 16));
  SelfItems(call).erase(SelfItems(call).begin() + *index.If<int64_t>());
  return Value(None{});
}

constexpr BuiltinRow kDictRows[] = {
    {"clear", Clear<Dict>},         {"copy", DictCopy},     {"get", DictGet},
    {"items", DictItems},           {"keys", DictKeys},     {"pop", DictPop},
    {"setdefault", DictSetDefault}, {"update", DictUpdate}, {"values", DictValues},
};

constexpr BuiltinRow kListRows[] = {
    {"append", ListAppend}, {"clear", Clear<List>},   {"copy", ListCopy},     {"count", ItemCount},
    {"extend", ListExtend}, {"index", ItemIndex},     {"insert", ListInsert}, {"pop", ListPop},
    {"remove", ListRemove}, {"reverse", ListReverse},
};

constexpr BuiltinRow kTupleRows[] = {{"count", ItemCount}, {"index", ItemIndex}};

}  // namespace

std::span<const BuiltinRow> DictMethods() {
  return kDictRows;
}
std::span<const BuiltinRow> ListMethods() {
  return kListRows;
}
std::span<const BuiltinRow> TupleMethods() {
  return kTupleRows;
}

}  // namespace tenfold::tokenizer::jinja
