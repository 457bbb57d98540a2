// The functions that every template can call: range, dict, namespace, cycler, joiner, raise_exception.
#include <cstdint>
#include <utility>
#include <vector>

#include "tenfold/tokenizer/jinja/access.h"
#include "tenfold/tokenizer/jinja/builtin_tables.h"

namespace tenfold::tokenizer::jinja {
namespace {

Result<Value> Range(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<3>({"start", "stop", "step"}, 1));
  const bool has_start = call.arguments.positional.size() > 1;
  ASSIGN_OR_RETURN(const int64_t start, call.Integer(has_start ? arguments[0] : Value(), 0));
  ASSIGN_OR_RETURN(const int64_t stop, call.Integer(has_start ? arguments[1] : arguments[0], 0));
  ASSIGN_OR_RETURN(const int64_t step, call.Integer(arguments[2], 1));
  if (step == 0) return call.Fail("a step of zero reaches nothing");
  std::vector<Value> items;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (items.size() % 1024 == 0) RETURN_IF_ERROR(call.workspace.CheckRoom((items.size() + 1024) * sizeof(Value)));
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return call.workspace.NewList(std::move(items));
}

// Of a mapping, or of pairs, and of named arguments.
Status FillDict(const BuiltinCall& call, Dict& dict) {
  if (call.arguments.positional.size() > 1) return call.Fail("takes one mapping");
  for (const Value& source : call.arguments.positional) {
    if (source.dict() != nullptr) {
      for (const auto& [key, value] : source.dict()->entries()) RETURN_IF_ERROR(call.workspace.Set(dict, key, value));
      continue;
    }
    ASSIGN_OR_RETURN(const std::vector<Value> pairs, Items(call.workspace, source));
    for (const Value& pair : pairs) {
      if (pair.items() == nullptr || pair.items()->size() != 2) return call.Fail("needs a mapping, or pairs");
      RETURN_IF_ERROR(call.workspace.Set(dict, (*pair.items())[0], (*pair.items())[1]));
    }
  }
  for (const auto& [name, value] : call.arguments.named) RETURN_IF_ERROR(call.workspace.Set(dict, Value(name), value));
  return {};
}

Result<Value> MakeDict(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(Dict * dict, call.workspace.NewDict());
  RETURN_IF_ERROR(FillDict(call, *dict));
  return Value(dict);
}

Result<Value> MakeNamespace(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(Namespace * result, call.workspace.NewObject<Namespace>());
  RETURN_IF_ERROR(FillDict(call, result->attributes()));
  return Value(result);
}

// Gives its items one after the other, again and again.
class Cycler : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::string_view TypeName() const override { return "a cycler"; }
  Result<Value> Attribute(Workspace& workspace, const Text& name) override;

  Value Current() const { return items_[at_]; }
  Value Next() {
    const Value current = Current();
    at_ = (at_ + 1) % items_.size();
    return current;
  }
  void Reset() { at_ = 0; }

 private:
  std::vector<Value> items_;
  size_t at_ = 0;
};

Result<Value> CyclerNext(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  return static_cast<Cycler*>(call.self.object())->Next();
}

Result<Value> CyclerReset(const BuiltinCall& call) {
  RETURN_IF_ERROR(call.BindNone());
  static_cast<Cycler*>(call.self.object())->Reset();
  return Value(None{});
}

Result<Value> Cycler::Attribute(Workspace& workspace, const Text& name) {
  static constexpr BuiltinRow kNext = {"next", CyclerNext};
  static constexpr BuiltinRow kReset = {"reset", CyclerReset};
  if (name.view() == "current") return Current();
  if (name.view() != "next" && name.view() != "reset") return Value(Undefined{&name});
  ASSIGN_OR_RETURN(BuiltinFunction * method,
                   workspace.NewObject<BuiltinFunction>(name.view() == "next" ? kNext : kReset, Value(this)));
  return Value(method);
}

Result<Value> MakeCycler(const BuiltinCall& call) {
  if (call.arguments.positional.empty()) return call.Fail("needs items");
  RETURN_IF_ERROR(call.workspace.SpendBytes(call.arguments.positional.size() * sizeof(Value)));
  ASSIGN_OR_RETURN(Cycler * result, call.workspace.NewObject<Cycler>(call.arguments.positional));
  return Value(result);
}

// Gives nothing the first time it is called, and its separator from then on.
class Joiner : public Object {
 public:
  explicit Joiner(const Value& separator) : separator_(separator) {}
  std::string_view TypeName() const override { return "a joiner"; }
  bool IsCallable() const override { return true; }
  Result<Value> Call(Workspace& workspace, const Arguments&) override {
    if (std::exchange(is_used_, true)) return separator_;
    return workspace.NewText("");
  }

 private:
  const Value separator_;
  bool is_used_ = false;
};

Result<Value> MakeJoiner(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"sep"}));
  Value separator = arguments[0];
  if (separator.IsUndefined()) {
    ASSIGN_OR_RETURN(separator, call.workspace.NewText(", "));
  }
  ASSIGN_OR_RETURN(Joiner * result, call.workspace.NewObject<Joiner>(separator));
  return Value(result);
}

Result<Value> RaiseException(const BuiltinCall& call) {
  ASSIGN_OR_RETURN(const auto arguments, call.Bind<1>({"message"}, 1));
  ASSIGN_OR_RETURN(const Text* message, call.Printed(arguments[0]));
  return call.workspace.Refuse(message->view());
}

constexpr BuiltinRow kRows[] = {
    {"cycler", MakeCycler},
    {"dict", MakeDict},
    {"joiner", MakeJoiner},
    {"namespace", MakeNamespace},
    {"raise_exception", RaiseException},
    {"range", Range},
};

}  // namespace

std::span<const BuiltinRow> GlobalFunctions() {
  return kRows;
}

}  // namespace tenfold::tokenizer::jinja
