#include "tenfold/tokenizer/jinja/access.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "tenfold/tokenizer/jinja/builtin.h"
#include "tenfold/tokenizer/jinja/characters.h"
#include "tenfold/tokenizer/jinja/object.h"

namespace tenfold::tokenizer::jinja {
namespace {

tl::unexpected<Error> InsideUndefined(const Value& object, const Value& wanted) {
  const Text* name = object.If<Undefined>()->name;
  const std::string what = wanted.text() == nullptr ? "an item" : fmt::format("'{}'", wanted.text()->view());
  if (name == nullptr) return MakeError(ErrorCode::kInvalidArgument, "an undefined value has no {}", what);
  return MakeError(ErrorCode::kInvalidArgument, "'{}' is undefined and so has no {}", name->view(), what);
}

// The position that an index means, counting from the end if it is negative; nullopt outside.
std::optional<size_t> Position(int64_t index, size_t size) {
  const auto length = static_cast<int64_t>(size);
  if (index < 0) index += length;
  if (index < 0 || index >= length) return std::nullopt;
  return static_cast<size_t>(index);
}

Result<Value> FindIndexed(Workspace& workspace, const Value& object, int64_t index) {
  if (object.items() != nullptr) {
    const auto position = Position(index, object.items()->size());
    return position ? (*object.items())[*position] : Value();
  }
  if (object.text() != nullptr) {
    const std::string_view text = object.text()->view();
    RETURN_IF_ERROR(workspace.SpendReading(text.size()));
    const auto position = Position(index, CountCharacters(text));
    if (!position) return Value();
    const size_t begin = ByteOfCharacter(text, *position);
    return workspace.NewText(object.text()->Slice(begin, begin + FirstCharacterBytes(text.substr(begin))));
  }
  return Value();
}

// Undefined when there is none.
Result<Value> FindItem(Workspace& workspace, const Value& object, const Value& index) {
  if (object.dict() != nullptr) {
    RETURN_IF_ERROR(workspace.SpendLookUp(index));
    const Value* found = object.dict()->Find(index);
    return found == nullptr ? Value() : *found;
  }
  const auto integer = ToInteger(index);
  return integer ? FindIndexed(workspace, object, *integer) : Value();
}

Result<Value> FindNamed(Workspace& workspace, const Value& object, const Value& name) {
  if (name.text() == nullptr) return Value();
  if (object.object() != nullptr) return object.object()->Attribute(workspace, *name.text());
  if (object.tuple() != nullptr && object.tuple()->is_group) {
    if (name.text()->view() == "grouper") return object.tuple()->items[0];
    if (name.text()->view() == "list") return object.tuple()->items[1];
  }
  const BuiltinRow* method = FindMethod(object, name.text()->view());
  if (method == nullptr) return Value();
  ASSIGN_OR_RETURN(BuiltinFunction * bound, workspace.NewObject<BuiltinFunction>(*method, object));
  return Value(bound);
}

Value OrUndefined(const Value& value, const Value& name) {
  return value.IsUndefined() ? Value(Undefined{name.text()}) : value;
}

// The bounds of a slice over `length` items, as Python clips them.
struct SliceBounds {
  int64_t start;
  int64_t stop;
  int64_t step;
};

Result<std::optional<int64_t>> SliceNumber(const Value& value) {
  if (value.IsUndefined() || value.IsNone()) return std::nullopt;
  if (const auto integer = ToInteger(value)) return integer;
  return MakeError(ErrorCode::kInvalidArgument, "a slice takes integers, not {}", KindName(value));
}

Result<SliceBounds> ClipSlice(const Value& start, const Value& stop, const Value& step, int64_t length) {
  ASSIGN_OR_RETURN(const auto given_step, SliceNumber(step));
  ASSIGN_OR_RETURN(const auto given_start, SliceNumber(start));
  ASSIGN_OR_RETURN(const auto given_stop, SliceNumber(stop));
  SliceBounds bounds{0, 0, given_step.value_or(1)};
  if (bounds.step == 0) return MakeError(ErrorCode::kInvalidArgument, "a slice cannot have a step of zero");
  const bool is_backward = bounds.step < 0;
  const int64_t lowest = is_backward ? -1 : 0;
  const int64_t highest = is_backward ? length - 1 : length;
  const auto clip = [&](int64_t index) { return std::clamp(index < 0 ? index + length : index, lowest, highest); };
  bounds.start = given_start ? clip(*given_start) : (is_backward ? highest : lowest);
  bounds.stop = given_stop ? clip(*given_stop) : (is_backward ? lowest : highest);
  // Longer steps end the slice after one item all the same.
  bounds.step = std::clamp(bounds.step, -length - 1, length + 1);
  return bounds;
}

Result<Value> SliceText(Workspace& workspace, const Text& text, const SliceBounds& bounds) {
  Text slice;
  if (bounds.step == 1) {
    const size_t begin = ByteOfCharacter(text.view(), static_cast<size_t>(bounds.start));
    const auto count = static_cast<size_t>(std::max<int64_t>(bounds.stop - bounds.start, 0));
    slice = text.Slice(begin, begin + ByteOfCharacter(text.view().substr(begin), count));
    return workspace.NewText(std::move(slice));
  }
  RETURN_IF_ERROR(workspace.SpendBytes(text.size_bytes() * sizeof(size_t)));
  std::vector<size_t> begins;
  size_t at = 0;
  for (; at < text.size_bytes(); at += FirstCharacterBytes(text.view().substr(at))) begins.push_back(at);
  begins.push_back(at);
  for (int64_t i = bounds.start; bounds.step > 0 ? i < bounds.stop : i > bounds.stop; i += bounds.step) {
    slice.AppendSlice(text, begins[static_cast<size_t>(i)], begins[static_cast<size_t>(i) + 1]);
  }
  return workspace.NewText(std::move(slice));
}

}  // namespace

Result<std::vector<Value>> Items(Workspace& workspace, const Value& value) {
  std::vector<Value> items;
  if (value.items() != nullptr) {
    RETURN_IF_ERROR(workspace.Spend(value.items()->size()));
    items = *value.items();
  } else if (value.dict() != nullptr) {
    RETURN_IF_ERROR(workspace.Spend(value.dict()->size()));
    for (const auto& [key, item] : value.dict()->entries()) items.push_back(key);
  } else if (value.text() != nullptr) {
    const Text& text = *value.text();
    for (size_t at = 0; at < text.size_bytes();) {
      const size_t end = at + FirstCharacterBytes(text.view().substr(at));
      ASSIGN_OR_RETURN(items.emplace_back(), workspace.NewText(text.Slice(at, end)));
      at = end;
    }
  } else if (value.object() != nullptr && value.object()->AsIterator() != nullptr) {
    items = value.object()->AsIterator()->Take();
    RETURN_IF_ERROR(workspace.Spend(items.size()));
  } else if (!value.IsUndefined()) {
    return MakeError(ErrorCode::kInvalidArgument, "{} has no items to go through", KindName(value));
  }
  return items;
}

Result<int64_t> Length(Workspace& workspace, const Value& value) {
  size_t length = 0;
  if (value.items() != nullptr) {
    length = value.items()->size();
  } else if (value.dict() != nullptr) {
    length = value.dict()->size();
  } else if (value.text() != nullptr) {
    RETURN_IF_ERROR(workspace.SpendReading(value.text()->size_bytes()));
    length = CountCharacters(value.text()->view());
  } else if (value.object() != nullptr && value.object()->AsIterator() != nullptr &&
             value.object()->AsIterator()->is_view()) {
    length = value.object()->AsIterator()->items().size();
  } else if (!value.IsUndefined()) {
    return MakeError(ErrorCode::kInvalidArgument, "{} has no length", KindName(value));
  }
  return static_cast<int64_t>(length);
}

Result<Value> GetAttribute(Workspace& workspace, const Value& object, const Value& name) {
  if (object.IsUndefined()) return InsideUndefined(object, name);
  ASSIGN_OR_RETURN(const Value named, FindNamed(workspace, object, name));
  if (!named.IsUndefined()) return named;
  ASSIGN_OR_RETURN(const Value item, FindItem(workspace, object, name));
  return OrUndefined(item, name);
}

Result<Value> GetItem(Workspace& workspace, const Value& object, const Value& index) {
  if (object.IsUndefined()) return InsideUndefined(object, index);
  ASSIGN_OR_RETURN(const Value item, FindItem(workspace, object, index));
  if (!item.IsUndefined()) return item;
  ASSIGN_OR_RETURN(const Value named, FindNamed(workspace, object, index));
  return OrUndefined(named, index);
}

Result<Value> GetAttributePath(Workspace& workspace, const Value& object, const Value& path, const Value& otherwise) {
  const auto step_into = [&](const Value& value, const Value& step) -> Result<Value> {
    ASSIGN_OR_RETURN(const Value found, GetItem(workspace, value, step));
    return found.IsUndefined() && !otherwise.IsUndefined() ? otherwise : found;
  };
  if (path.text() == nullptr) return step_into(object, path);
  const Text& text = *path.text();
  Value value = object;
  for (size_t begin = 0; begin <= text.size_bytes();) {
    const size_t end = std::min(text.view().find('.', begin), text.size_bytes());
    const std::string_view step = text.view().substr(begin, end - begin);
    int64_t index = 0;
    const auto parsed = std::from_chars(step.data(), step.data() + step.size(), index);
    const bool is_index = !step.empty() && step[0] != '-' && parsed.ec == std::errc() && parsed.ptr == step.end();
    Value name(index);
    if (!is_index) {
      ASSIGN_OR_RETURN(name, workspace.NewText(text.Slice(begin, end)));
    }
    ASSIGN_OR_RETURN(value, step_into(value, name));
    begin = end + 1;
  }
  return value;
}

Result<Value> GetSlice(Workspace& workspace, const Value& object, const Value& start, const Value& stop,
                       const Value& step) {
  if (object.IsUndefined()) return InsideUndefined(object, start);
  if (object.text() == nullptr && object.items() == nullptr) {
    return MakeError(ErrorCode::kInvalidArgument, "{} cannot be cut into slices", KindName(object));
  }
  ASSIGN_OR_RETURN(const int64_t length, Length(workspace, object));
  ASSIGN_OR_RETURN(const SliceBounds bounds, ClipSlice(start, stop, step, length));
  if (object.text() != nullptr) return SliceText(workspace, *object.text(), bounds);
  std::vector<Value> items;
  for (int64_t i = bounds.start; bounds.step > 0 ? i < bounds.stop : i > bounds.stop; i += bounds.step) {
    items.push_back((*object.items())[static_cast<size_t>(i)]);
  }
  ASSIGN_OR_RETURN(const Value slice, object.tuple() != nullptr ? workspace.NewTuple(std::move(items))
                                                                : workspace.NewList(std::move(items)));
  return slice.Marked(object.is_input());
}

}  // namespace tenfold::tokenizer::jinja
