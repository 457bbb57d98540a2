// Values as text: what {{ value }} prints, which is what Python's str() gives, and repr() for what stands in lists.
#pragma once

#include <string>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/text.h"
#include "tenfold/tokenizer/jinja/value.h"
#include "tenfold/tokenizer/jinja/workspace.h"

namespace tenfold::tokenizer::jinja {

// Appends str(value): None, True, 1.0, ['a', 1]; a string as it is; undefined as nothing.
// Errors: kResourceExhausted.
Status Print(Workspace& workspace, const Value& value, Text& out);
// Appends repr(value): a string in quotes.
Status PrintRepr(Workspace& workspace, const Value& value, Text& out);
// str(value); a string itself.
Result<const Text*> ToText(Workspace& workspace, const Value& value);

// The shortest decimal that reads back as the same double, in Python's layout: 1.0, 1e+16, 0.0001, inf.
std::string PrintFloat(double value);

}  // namespace tenfold::tokenizer::jinja
