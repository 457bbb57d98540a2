#include "tenfold/tokenizer/jinja/value.h"

#include <algorithm>
#include <compare>

#include "tenfold/tokenizer/jinja/object.h"

namespace tenfold::tokenizer::jinja {
namespace {

// Keys of different kinds never equal each other, but for numbers: 1, 1.0 and true are one key.
int KeyRank(const Value& key) {
  if (key.IsNumber()) return 0;
  if (key.text() != nullptr) return 1;
  if (key.tuple() != nullptr) return 2;
  return 3;  // none
}

std::strong_ordering CompareNumbers(const Value& a, const Value& b) {
  const auto left = ToInteger(a);
  const auto right = ToInteger(b);
  if (left && right) return *left <=> *right;
  return std::strong_order(ToDouble(a) + 0.0, ToDouble(b) + 0.0);  // + 0.0: -0.0 is 0.0
}

std::strong_ordering CompareKeys(const Value& a, const Value& b) {
  const int rank = KeyRank(a);
  if (const auto order = rank <=> KeyRank(b); order != 0) return order;
  if (rank == 0) return CompareNumbers(a, b);
  if (rank == 1) return a.text()->view() <=> b.text()->view();
  if (rank == 2) {
    return std::lexicographical_compare_three_way(a.tuple()->items.begin(), a.tuple()->items.end(),
                                                  b.tuple()->items.begin(), b.tuple()->items.end(), CompareKeys);
  }
  return std::strong_ordering::equal;
}

}  // namespace

const std::vector<Value>* Value::items() const {
  if (list() != nullptr) return &list()->items;
  if (tuple() != nullptr) return &tuple()->items;
  return nullptr;
}

bool Dict::KeyLess::operator()(const Value& a, const Value& b) const {
  return CompareKeys(a, b) < 0;
}

const size_t* Dict::IndexOf(const Value& key, size_t& storage) const {
  if (entries_.size() > kSmall) {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &found->second;
  }
  for (storage = 0; storage < entries_.size(); ++storage) {
    if (CompareKeys(entries_[storage].first, key) == 0) return &storage;
  }
  return nullptr;
}

const Value* Dict::Find(const Value& key) const {
  size_t storage = 0;
  const size_t* index = IsKey(key) ? IndexOf(key, storage) : nullptr;
  return index == nullptr ? nullptr : &entries_[*index].second;
}

const Value* Dict::Find(std::string_view key) const {
  const Text text{std::string(key)};
  return Find(Value(&text));
}

void Dict::Set(const Value& key, const Value& value) {
  size_t storage = 0;
  if (const size_t* index = IndexOf(key, storage)) {
    entries_[*index].second = value;
    return;
  }
  entries_.emplace_back(key, value);
  if (entries_.size() == kSmall + 1) {
    Reindex();
  } else if (entries_.size() > kSmall) {
    index_.emplace(key, entries_.size() - 1);
  }
}

void Dict::Erase(const Value& key) {
  size_t storage = 0;
  const size_t* index = IndexOf(key, storage);
  if (index == nullptr) return;
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(*index));
  Reindex();
}

void Dict::Reindex() {
  index_.clear();
  if (entries_.size() <= kSmall) return;
  for (size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].first, i);
}

bool IsKey(const Value& value) {
  const auto is_scalar = [](const Value& v) { return v.IsNumber() || v.IsNone() || v.text() != nullptr; };
  if (value.tuple() != nullptr) return std::ranges::all_of(value.tuple()->items, is_scalar);
  return is_scalar(value);
}

bool IsTrue(const Value& value) {
  if (const bool* boolean = value.If<bool>()) return *boolean;
  if (const int64_t* integer = value.If<int64_t>()) return *integer != 0;
  if (const double* number = value.If<double>()) return *number != 0;
  if (value.text() != nullptr) return !value.text()->empty();
  if (value.items() != nullptr) return !value.items()->empty();
  if (value.dict() != nullptr) return value.dict()->size() > 0;
  return value.object() != nullptr && value.object()->IsTrue();
}

std::string_view KindName(const Value& value) {
  struct Namer {
    std::string_view operator()(Undefined) const { return "undefined"; }
    std::string_view operator()(None) const { return "none"; }
    std::string_view operator()(bool) const { return "a boolean"; }
    std::string_view operator()(int64_t) const { return "an integer"; }
    std::string_view operator()(double) const { return "a float"; }
    std::string_view operator()(const Text*) const { return "a string"; }
    std::string_view operator()(List*) const { return "a list"; }
    std::string_view operator()(Tuple*) const { return "a tuple"; }
    std::string_view operator()(Dict*) const { return "a mapping"; }
    std::string_view operator()(Object* object) const { return object->TypeName(); }
  };
  return std::visit(Namer{}, value.data());
}

double ToDouble(const Value& value) {
  if (const double* number = value.If<double>()) return *number;
  return static_cast<double>(ToInteger(value).value_or(0));
}

std::optional<int64_t> ToInteger(const Value& value) {
  if (const bool* boolean = value.If<bool>()) return *boolean ? 1 : 0;
  if (const int64_t* integer = value.If<int64_t>()) return *integer;
  return std::nullopt;
}

}  // namespace tenfold::tokenizer::jinja
