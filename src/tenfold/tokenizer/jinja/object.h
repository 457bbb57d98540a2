// Object: values with behaviour of their own, beside the plain data of value.h.
//
//   Iterator    what filters such as map give (read once), and the views of a mapping (read often, with a length)
//   Namespace   attributes that inner scopes may set
//   macros, loops, methods bound to a value, functions: see interpreter.h and builtin.h
//
// The workspace owns objects; they may point at each other freely.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/value.h"

namespace tenfold::tokenizer::jinja {

class Iterator;
class Namespace;
class Workspace;

// Of a call: f(1, 2, key=3).
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<const Text*, Value>> named;
};

class Object {
 public:
  virtual ~Object() = default;
  virtual std::string_view TypeName() const = 0;  // "a namespace", for messages
  virtual bool IsTrue() const { return true; }
  // Undefined when there is none of this name.
  virtual Result<Value> Attribute(Workspace&, const Text&) { return Value(); }
  virtual bool IsCallable() const { return false; }
  virtual Result<Value> Call(Workspace& workspace, const Arguments& arguments);
  virtual Iterator* AsIterator() { return nullptr; }
  virtual Namespace* AsNamespace() { return nullptr; }
};

class Iterator : public Object {
 public:
  Iterator(std::vector<Value> items, std::string_view type_name, bool is_view)
      : items_(std::move(items)), type_name_(type_name), is_view_(is_view) {}

  std::string_view TypeName() const override { return type_name_; }
  bool IsTrue() const override { return !is_view_ || !items_.empty(); }
  Iterator* AsIterator() override { return this; }

  bool is_view() const { return is_view_; }
  const std::vector<Value>& items() const { return items_; }
  // What was not read before; a view begins anew each time.
  std::vector<Value> Take();

 private:
  std::vector<Value> items_;
  std::string_view type_name_;
  bool is_view_;
};

class Namespace : public Object {
 public:
  std::string_view TypeName() const override { return "a namespace"; }
  Result<Value> Attribute(Workspace& workspace, const Text& name) override;
  Namespace* AsNamespace() override { return this; }

  Dict& attributes() { return attributes_; }

 private:
  Dict attributes_;
};

}  // namespace tenfold::tokenizer::jinja
