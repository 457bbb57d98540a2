#include "tenfold/tokenizer/jinja/loop.h"

#include "tenfold/tokenizer/jinja/builtin.h"
#include "tenfold/tokenizer/jinja/operators.h"

namespace tenfold::tokenizer::jinja {
namespace {

Loop& Self(const BuiltinCall& call) {
  return *static_cast<Loop*>(call.self.object());
}

// The argument whose turn it is.
Result<Value> Cycle(const BuiltinCall& call) {
  const std::vector<Value>& values = call.arguments.positional;
  if (values.empty()) return call.Fail("needs items");
  return values[Self(call).index() % values.size()];
}

// Whether the values differ from those of the call before.
Result<Value> Changed(const BuiltinCall& call) {
  Loop& loop = Self(call);
  const std::vector<Value>& values = call.arguments.positional;
  bool is_same = loop.has_changed_before() && values.size() == loop.last_changed().size();
  for (size_t i = 0; is_same && i < values.size(); ++i) {
    ASSIGN_OR_RETURN(is_same, Equal(call.workspace, values[i], loop.last_changed()[i]));
  }
  loop.has_changed_before() = true;
  loop.last_changed() = values;
  return Value(!is_same);
}

constexpr BuiltinRow kMethods[] = {{"cycle", Cycle}, {"changed", Changed}};

Value Integer(size_t number) {
  return Value(static_cast<int64_t>(number));
}

}  // namespace

Result<bool> Loop::HasRound(size_t index) {
  while (num_rounds_ <= index && next_ < items_.size()) {
    const Value item = items_[next_++];
    bool is_accepted = true;
    if (statement_.filter != nullptr) {
      ASSIGN_OR_RETURN(is_accepted, interpreter_.IsAccepted(statement_, scope_, item));
    }
    if (is_accepted) items_[num_rounds_++] = item;
  }
  return num_rounds_ > index;
}

Result<size_t> Loop::CountRounds() {
  RETURN_IF_ERROR(HasRound(SIZE_MAX));
  return num_rounds_;
}

void Loop::End() {
  items_ = {};
  num_rounds_ = next_ = index_ = 0;
}

Result<Value> Loop::Call(Workspace&, const Arguments& arguments) {
  return interpreter_.CallLoop(statement_, scope_, depth_ + 1, arguments);
}

Result<Value> Loop::Attribute(Workspace& workspace, const Text& name) {
  const std::string_view wanted = name.view();
  if (wanted == "index") return Integer(index_ + 1);
  if (wanted == "index0") return Integer(index_);
  if (wanted == "first") return Value(index_ == 0);
  if (wanted == "depth") return Value(int64_t{depth_} + 1);
  if (wanted == "depth0") return Value(int64_t{depth_});
  if (wanted == "previtem") return index_ == 0 ? Value(Undefined{&name}) : items_[index_ - 1];
  if (wanted == "last" || wanted == "nextitem") {
    ASSIGN_OR_RETURN(const bool has_next, HasRound(index_ + 1));
    if (wanted == "last") return Value(!has_next);
    return has_next ? items_[index_ + 1] : Value(Undefined{&name});
  }
  if (wanted == "length" || wanted == "revindex" || wanted == "revindex0") {
    ASSIGN_OR_RETURN(const size_t length, CountRounds());
    if (wanted == "length") return Integer(length);
    return Integer(length - index_ - (wanted == "revindex0" ? 1 : 0));
  }
  for (const BuiltinRow& method : kMethods) {
    if (method.name != wanted) continue;
    ASSIGN_OR_RETURN(BuiltinFunction * bound, workspace.NewObject<BuiltinFunction>(method, Value(this)));
    return Value(bound);
  }
  return Value(Undefined{&name});
}

}  // namespace tenfold::tokenizer::jinja
