#include "tenfold/tokenizer/jinja/object.h"

namespace tenfold::tokenizer::jinja {

Result<Value> Object::Call(Workspace&, const Arguments&) {
  return MakeError(ErrorCode::kInvalidArgument, "{} cannot be called", TypeName());
}

std::vector<Value> Iterator::Take() {
  return is_view_ ? items_ : std::exchange(items_, {});
}

Result<Value> Namespace::Attribute(Workspace&, const Text& name) {
  const Value* value = attributes_.Find(Value(&name));
  return value == nullptr ? Value(Undefined{&name}) : *value;
}

}  // namespace tenfold::tokenizer::jinja
