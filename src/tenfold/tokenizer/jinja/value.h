// Value: what a template computes with. A small handle, copied freely.
//
//   undefined, none, boolean, integer (64 bits), float      the value itself
//   string, list, tuple, mapping, object                    a pointer into the rendering's Workspace (workspace.h)
//
// Lists, mappings and objects are shared and mutable, as in Python; a list may hold itself. Nothing here owns anything,
// so that such a circle harms nobody: the workspace frees all at once, without recursion.
//
// A value that came with the inputs of the rendering is marked as input; what is printed of it is input too (text.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/text.h"

namespace tenfold::tokenizer::jinja {

class Dict;
class Object;
struct List;
struct Tuple;

struct Undefined {
  const Text* name = nullptr;  // what was asked for and is not there; for messages
};
struct None {};

class Value {
 public:
  using Data = std::variant<Undefined, None, bool, int64_t, double, const Text*, List*, Tuple*, Dict*, Object*>;

  Value() = default;                                                             // undefined
  Value(Data data, bool is_input = false) : data_(data), is_input_(is_input) {}  // NOLINT: conversions read better

  // The alternative T, or nullptr for a value of another kind: If<int64_t>().
  template <class T>
  const T* If() const {
    return std::get_if<T>(&data_);
  }
  // The pointer itself, or nullptr: for the kinds that live in the workspace.
  const Text* text() const { return Pointer<const Text>(); }
  List* list() const { return Pointer<List>(); }
  Tuple* tuple() const { return Pointer<Tuple>(); }
  Dict* dict() const { return Pointer<Dict>(); }
  Object* object() const { return Pointer<Object>(); }
  // The items of a list or tuple, or nullptr.
  const std::vector<Value>* items() const;

  bool IsUndefined() const { return If<Undefined>() != nullptr; }
  bool IsNone() const { return If<None>() != nullptr; }
  bool IsNumber() const { return If<bool>() || If<int64_t>() || If<double>(); }

  const Data& data() const { return data_; }
  bool is_input() const { return is_input_; }
  Value Marked(bool is_input) const { return Value(data_, is_input); }

 private:
  template <class T>
  T* Pointer() const {
    const auto* pointer = std::get_if<T*>(&data_);
    return pointer == nullptr ? nullptr : *pointer;
  }

  Data data_;
  bool is_input_ = false;
};

struct List {
  std::vector<Value> items;
};

struct Tuple {
  std::vector<Value> items;
  bool is_group = false;  // of the filter groupby: its two items are also called grouper and list
};

// A mapping that keeps the order of insertion. Keys are scalars or tuples of scalars (IsKey).
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  // nullptr when there is none. Logarithmic.
  const Value* Find(const Value& key) const;
  const Value* Find(std::string_view key) const;
  void Set(const Value& key, const Value& value);
  // Linear in the size.
  void Erase(const Value& key);

 private:
  static constexpr size_t kSmall = 8;  // up to here a look through the entries is the fastest index

  struct KeyLess {
    bool operator()(const Value& a, const Value& b) const;
  };

  const size_t* IndexOf(const Value& key, size_t& storage) const;
  void Reindex();

  std::vector<Entry> entries_;
  std::map<Value, size_t, KeyLess> index_;  // empty up to kSmall entries
};

// Whether the value may be a key: a string, number, boolean, none, or a tuple of those.
bool IsKey(const Value& value);

// Python's truth: empty, zero, none and undefined are false.
bool IsTrue(const Value& value);

// For messages: "a string", "an integer", "undefined".
std::string_view KindName(const Value& value);

// A number as a double; for IsNumber values.
double ToDouble(const Value& value);
// An integer or boolean as an integer, else nullopt.
std::optional<int64_t> ToInteger(const Value& value);

}  // namespace tenfold::tokenizer::jinja
