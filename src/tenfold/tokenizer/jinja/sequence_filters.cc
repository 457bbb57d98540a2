// Filters that go through the items of a value: order, groups, extremes.
#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/builtin_tables.h"
#include "tenfold/tokenizer/jinja/operators.h"
#include "tenfold/tokenizer/jinja/text_functions.h"

namespace tenfold::tokenizer::jinja {
namespace {

// An item, and what it is ordered by.
struct Keyed {
  Value key;
  Value item;
};

// Small letters instead of capitals, unless case matters.
Result<Value> CaseKey(Workspace& workspace, const Value& value, bool case_sensitive) {
  if (case_sensitive || value.text() == nullptr) return value;
  RETURN_IF_ERROR(workspace.SpendCharacters(value.text()->size_bytes()));
  return workspace.NewText(ToLowerCase(*value.text()));
}

// The key of an item: itself, an attribute, or several, separated by commas.
Result<Value> KeyOf(const BuiltinCall& call, const Value& item, const Value& attribute, bool case_sensitive) {
  if (attribute.IsUndefined() || attribute.IsNone()) return CaseKey(call.workspace, item, case_sensitive);
  if (attribute.text() == nullptr || attribute.text()->view().find(',') == std::string_view::npos) {
    ASSIGN_OR_RETURN(const Value value, GetAttributePath(call.workspace, item, attribute));
    return CaseKey(call.workspace, value, case_sensitive);
  }
  const Text comma(",");
  ASSIGN_OR_RETURN(const std::vector<Text> paths, Split(call.workspace, *attribute.text(), &comma, -1, false));
  std::vector<Value> keys;
  for (const Text& path : paths) {
    ASSIGN_OR_RETURN(const Value value, GetAttributePath(call.workspace, item, Value(&path)));
    ASSIGN_OR_RETURN(keys.emplace_back(), CaseKey(call.workspace, value, case_sensitive));
  }
  return call.workspace.NewTuple(std::move(keys));
}

Result<std::vector<Keyed>> KeyedItems(const BuiltinCall& call, const Value& attribute, bool case_sensitive) {
  ASSIGN_OR_RETURN(const std::vector<Value> items, Items(call.workspace, call.self));
  std::vector<Keyed> keyed;
  keyed.reserve(items.size());
  for (const Value& item : items) {
    ASSIGN_OR_RETURN(const Value key, KeyOf(call, item, attribute, case_sensitive));
    keyed.push_back({key, item});
  }
  return keyed;
}

// Equal keys keep their order, also when the order is reversed, as Python sorts.
Status SortByKey(Workspace& workspace, std::vector<Keyed>& keyed, bool is_reversed) {
  std::optional<Error> error;
  std::ranges::stable_sort(keyed, [&](const Keyed& a, const Keyed& b) {
    if (error) return false;
    const auto is_less = is_reversed ? Less(workspace, b.key, a.key) : Less(workspace, a.key, b.key);
    if (!is_less) error = is_less.error();
    return is_less.value_or(false);
  });
  if (error) return tl::unexpected<Error>(*std::move(error));
  return {};
}

std::vector<Value> ItemsOf(std::vector<Keyed> keyed) {
  std::vector<Value> items;
  items.reserve(keyed.size());
  for (const Keyed& entry : keyed) items.push_back(entry.item);
  return items;
}

Result<Value> FilterList(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  ASSIGN_OR_RETURN(std::vector<Value> items, Items(call.workspace, call.self));
  return call.workspace.NewList(std::move(items));
}

Result<Value> FilterFirst(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  if (call.self.text() != nullptr || call.self.list() != nullptr) {  // without copies
    return GetItem(call.workspace, call.self, Value(int64_t{0}));
  }
  ASSIGN_OR_RETURN(const std::vector<Value> items, Items(call.workspace, call.self));
  return items.empty() ? Value() : items.front();
}

Result<Value> FilterLast(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  if (call.self.text() != nullptr || call.self.list() != nullptr) {
    return GetItem(call.workspace, call.self, Value(int64_t{-1}));
  }
  ASSIGN_OR_RETURN(const std::vector<Value> items, Items(call.workspace, call.self));
  return items.empty() ? Value() : items.back();
}

Result<Value> FilterReverse(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  if (call.self.text() != nullptr) {
    return GetSlice(call.workspace, call.self, Value(), Value(), Value(int64_t{-1}));
  }
  ASSIGN_OR_RETURN(std::vector<Value> items, Items(call.workspace, call.self));
  std::ranges::reverse(items);
  return call.workspace.NewGenerator(std::move(items));
}

Result<Value> Pair(Workspace& workspace, const Value& first, const Value& second) {
  return workspace.NewTuple({first, second});
}

Result<Value> FilterItems(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  std::vector<Value> pairs;
  if (call.self.dict() == nullptr && !call.self.IsUndefined()) {
    return call.Fail("needs a mapping, not {}", KindName(call.self));
  }
  if (call.self.dict() != nullptr) {
    for (const auto& [key, value] : call.self.dict()->entries()) {
      ASSIGN_OR_RETURN(pairs.emplace_back(), Pair(call.workspace, key, value));
    }
  }
  return call.workspace.NewGenerator(std::move(pairs));
}

Result<Value> FilterDictSort(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<3>({"case_sensitive", "by", "reverse"}));
  if (call.self.dict() == nullptr) return call.Fail("needs a mapping, not {}", KindName(call.self));
  const std::string_view by = arguments[1].text() == nullptr ? "key" : arguments[1].text()->view();
  if (by != "key" && by != "value") return call.Fail("sorts by 'key' or 'value', not '{}'", by);
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : call.self.dict()->entries()) {
    ASSIGN_OR_RETURN(const Value order, CaseKey(call.workspace, by == "key" ? key : value, IsTrue(arguments[0])));
    ASSIGN_OR_RETURN(const Value pair, Pair(call.workspace, key, value));
    keyed.push_back({order, pair});
  }
  RETURN_IF_ERROR(SortByKey(call.workspace, keyed, IsTrue(arguments[2])));
  return call.workspace.NewList(ItemsOf(std::move(keyed)));
}

Result<Value> FilterSort(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<3>({"reverse", "case_sensitive", "attribute"}));
  ASSIGN_OR_RETURN(std::vector<Keyed> keyed, KeyedItems(call, arguments[2], IsTrue(arguments[1])));
  RETURN_IF_ERROR(SortByKey(call.workspace, keyed, IsTrue(arguments[0])));
  return call.workspace.NewList(ItemsOf(std::move(keyed)));
}

Result<Value> FilterUnique(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"case_sensitive", "attribute"}));
  ASSIGN_OR_RETURN(const std::vector<Keyed> keyed, KeyedItems(call, arguments[1], IsTrue(arguments[0])));
  ASSIGN_OR_RETURN(Dict * seen, call.workspace.NewDict());
  std::vector<Value> items;
  for (const Keyed& entry : keyed) {
    if (seen->Find(entry.key) != nullptr) continue;
    RETURN_IF_ERROR(call.workspace.Set(*seen, entry.key, Value(true)));
    items.push_back(entry.item);
  }
  return call.workspace.NewGenerator(std::move(items));
}

template <bool kIsMax>
Result<Value> FilterExtreme(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"case_sensitive", "attribute"}));
  ASSIGN_OR_RETURN(const std::vector<Keyed> keyed, KeyedItems(call, arguments[1], IsTrue(arguments[0])));
  const Keyed* best = nullptr;
  for (const Keyed& entry : keyed) {
    bool is_better = best == nullptr;
    if (best != nullptr) {
      ASSIGN_OR_RETURN(
          is_better, kIsMax ? Less(call.workspace, best->key, entry.key) : Less(call.workspace, entry.key, best->key));
    }
    if (is_better) best = &entry;
  }
  return best == nullptr ? Value() : best->item;
}

Result<Value> FilterSum(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"attribute", "start"}));
  ASSIGN_OR_RETURN(const std::vector<Keyed> keyed, KeyedItems(call, arguments[0], true));
  Value sum = arguments[1].IsUndefined() ? Value(int64_t{0}) : arguments[1];
  for (const Keyed& entry : keyed) {
    ASSIGN_OR_RETURN(sum, Apply(call.workspace, BinaryOperator::kAdd, sum, entry.key));
  }
  return sum;
}

// Rows of `linecount` items; the last is filled up with `fill_with`.
Result<Value> FilterBatch(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"linecount", "fill_with"}, 1));
  ASSIGN_OR_RETURN(const int64_t size, call.Integer(arguments[0], 1));
  if (size < 1) return call.Fail("needs a positive number, not {}", size);
  ASSIGN_OR_RETURN(const std::vector<Value> items, Items(call.workspace, call.self));
  const auto row_size = static_cast<size_t>(size);
  std::vector<Value> rows;
  for (size_t begin = 0; begin < items.size();) {
    const size_t end = begin + std::min(row_size, items.size() - begin);
    std::vector<Value> row(items.begin() + static_cast<std::ptrdiff_t>(begin),
                           items.begin() + static_cast<std::ptrdiff_t>(end));
    if (row.size() < row_size && !arguments[1].IsUndefined() && !arguments[1].IsNone()) {
      RETURN_IF_ERROR(call.workspace.CheckRoom(std::min(row_size, SIZE_MAX / sizeof(Value)) * sizeof(Value)));
      row.resize(row_size, arguments[1]);
    }
    ASSIGN_OR_RETURN(rows.emplace_back(), call.workspace.NewList(std::move(row)));
    begin = end;
  }
  return call.workspace.NewGenerator(std::move(rows));
}

// `slices` columns of nearly the same size; shorter ones get one `fill_with`.
Result<Value> FilterSlice(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<2>({"slices", "fill_with"}, 1));
  ASSIGN_OR_RETURN(const int64_t number, call.Integer(arguments[0], 1));
  if (number < 1) return call.Fail("needs a positive number, not {}", number);
  ASSIGN_OR_RETURN(const std::vector<Value> items, Items(call.workspace, call.self));
  const auto num_slices = static_cast<size_t>(number);
  std::vector<Value> slices;
  auto begin = items.begin();
  for (size_t i = 0; i < num_slices; ++i) {
    const bool is_longer = i < items.size() % num_slices;
    const auto end = begin + static_cast<std::ptrdiff_t>(items.size() / num_slices + (is_longer ? 1 : 0));
    std::vector<Value> slice(begin, end);
    const bool is_filled = !arguments[1].IsUndefined() && !arguments[1].IsNone();
    if (is_filled && !is_longer && items.size() % num_slices != 0) slice.push_back(arguments[1]);
    ASSIGN_OR_RETURN(slices.emplace_back(), call.workspace.NewList(std::move(slice)));
    begin = end;
  }
  return call.workspace.NewGenerator(std::move(slices));
}

// Pairs of a key, called grouper, and the list of the items that have it, in the order of the keys.
Result<Value> FilterGroupBy(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<3>({"attribute", "default", "case_sensitive"}, 1));
  ASSIGN_OR_RETURN(const std::vector<Value> items, Items(call.workspace, call.self));
  std::vector<Keyed> keyed;
  for (const Value& item : items) {
    ASSIGN_OR_RETURN(const Value key, GetAttributePath(call.workspace, item, arguments[0], arguments[1]));
    ASSIGN_OR_RETURN(const Value order, CaseKey(call.workspace, key, IsTrue(arguments[2])));
    ASSIGN_OR_RETURN(const Value pair, Pair(call.workspace, key, item));
    keyed.push_back({order, pair});
  }
  RETURN_IF_ERROR(SortByKey(call.workspace, keyed, false));
  std::vector<Value> groups;
  for (size_t begin = 0, end = 0; begin < keyed.size(); begin = end) {
    std::vector<Value> members;
    for (end = begin; end < keyed.size(); ++end) {
      ASSIGN_OR_RETURN(const bool is_same, Equal(call.workspace, keyed[begin].key, keyed[end].key));
      if (!is_same) break;
      members.push_back(keyed[end].item.tuple()->items[1]);
    }
    ASSIGN_OR_RETURN(const Value list, call.workspace.NewList(std::move(members)));
    ASSIGN_OR_RETURN(groups.emplace_back(), Pair(call.workspace, keyed[begin].item.tuple()->items[0], list));
    groups.back().tuple()->is_group = true;
  }
  return call.workspace.NewList(std::move(groups));
}

constexpr BuiltinRow kRows[] = {
    {"batch", FilterBatch},     {"dictsort", FilterDictSort}, {"first", FilterFirst},
    {"groupby", FilterGroupBy}, {"items", FilterItems},       {"last", FilterLast},
    {"list", FilterList},       {"max", FilterExtreme<true>}, {"min", FilterExtreme<false>},
    {"reverse", FilterReverse}, {"slice", FilterSlice},       {"sort", FilterSort},
    {"sum", FilterSum},         {"unique", FilterUnique},
};

}  // namespace

std::span<const BuiltinRow> SequenceFilters() {
  return kRows;
}

}  // namespace tenfold::tokenizer::jinja
