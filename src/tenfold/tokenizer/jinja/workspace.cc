#include "tenfold/tokenizer/jinja/workspace.h"

namespace tenfold::tokenizer::jinja {

Status Workspace::Spend(size_t steps) {
  if (steps > limits_.max_steps - num_steps_) {
    num_steps_ = limits_.max_steps;
    return MakeError(ErrorCode::kResourceExhausted,
                     "rendering takes more than {} steps; the template loops too long or the conversation is too large",
                     limits_.max_steps);
  }
  num_steps_ += steps;
  return {};
}

Status Workspace::CheckRoom(size_t bytes) const {
  if (bytes > limits_.max_bytes - num_bytes_) {
    return MakeError(
        ErrorCode::kResourceExhausted,
        "rendering takes more than {} bytes; the template repeats too much or the conversation is too large",
        limits_.max_bytes);
  }
  return {};
}

Status Workspace::SpendBytes(size_t bytes) {
  RETURN_IF_ERROR(CheckRoom(bytes));
  num_bytes_ += bytes;
  return Spend(1 + bytes / 64);
}

Status Workspace::CheckValueDepth(int depth) {
  if (depth >= kMaxValueDepth) {
    return MakeError(ErrorCode::kResourceExhausted, "data is nested more than {} levels deep, or holds itself",
                     kMaxValueDepth);
  }
  return {};
}

Result<Value> Workspace::NewText(Text text) {
  RETURN_IF_ERROR(SpendBytes(sizeof(Text) + text.cost_bytes()));
  return Value(&texts_.emplace_back(std::move(text)));
}

Result<Value> Workspace::NewList(std::vector<Value> items) {
  RETURN_IF_ERROR(SpendBytes(sizeof(List) + items.size() * sizeof(Value)));
  return Value(&lists_.emplace_back(List{std::move(items)}));
}

Result<Value> Workspace::NewTuple(std::vector<Value> items) {
  RETURN_IF_ERROR(SpendBytes(sizeof(Tuple) + items.size() * sizeof(Value)));
  return Value(&tuples_.emplace_back(Tuple{.items = std::move(items)}));
}

Result<Dict*> Workspace::NewDict() {
  RETURN_IF_ERROR(SpendBytes(sizeof(Dict)));
  return &dicts_.emplace_back();
}

Result<Value> Workspace::NewGenerator(std::vector<Value> items) {
  RETURN_IF_ERROR(SpendBytes(items.size() * sizeof(Value)));
  ASSIGN_OR_RETURN(Iterator * generator, NewObject<Iterator>(std::move(items), "a generator", false));
  return Value(generator);
}

Status Workspace::Append(List& list, const Value& value) {
  RETURN_IF_ERROR(SpendBytes(sizeof(Value)));
  list.items.push_back(value);
  return {};
}

Status Workspace::Set(Dict& dict, const Value& key, const Value& value) {
  if (!IsKey(key)) {
    return MakeError(ErrorCode::kInvalidArgument, "{} cannot be the key of a mapping; use a string or a number",
                     KindName(key));
  }
  RETURN_IF_ERROR(SpendLookUp(key));
  constexpr size_t kEntryBytes = 2 * sizeof(Dict::Entry) + 32;  // the entry, and a node of its index
  RETURN_IF_ERROR(SpendBytes(kEntryBytes));
  dict.Set(key, value);
  return {};
}

tl::unexpected<Error> Workspace::Refuse(std::string_view message) {
  is_refused_ = true;
  return MakeError(ErrorCode::kInvalidArgument, "{}", message);
}

}  // namespace tenfold::tokenizer::jinja
