// What is inside a value: its items, its length, its attributes and slices, as Python and Jinja look them up.
//
// What is taken out of an input list is input. Errors are kInvalidArgument for values that have no inside, and
// kResourceExhausted.
#pragma once

#include <cstdint>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/value.h"
#include "tenfold/tokenizer/jinja/workspace.h"

namespace tenfold::tokenizer::jinja {

// What a loop over the value visits: items, characters, keys; nothing for undefined.
Result<std::vector<Value>> Items(Workspace& workspace, const Value& value);
// len(value).
Result<int64_t> Length(Workspace& workspace, const Value& value);

// object.name: a method or attribute before an item of this name. object[index]: the reverse. Undefined when neither is
// there; an error when the object itself is undefined.
Result<Value> GetAttribute(Workspace& workspace, const Value& object, const Value& name);
Result<Value> GetItem(Workspace& workspace, const Value& object, const Value& index);
// The value that a path such as "function.name" or "0.role" leads to, each step as object[step]; `path` may also be an
// integer. What filters take as attribute=. A step that leads to nothing gives `otherwise`, where that is defined.
Result<Value> GetAttributePath(Workspace& workspace, const Value& object, const Value& path,
                               const Value& otherwise = Value());
// object[start:stop:step]; none and undefined stand for what is absent.
Result<Value> GetSlice(Workspace& workspace, const Value& object, const Value& start, const Value& stop,
                       const Value& step);

}  // namespace tenfold::tokenizer::jinja
