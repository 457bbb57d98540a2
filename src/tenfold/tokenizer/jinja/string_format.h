// Formatting as Python does it: "%s is %.2f" % (a, b) and "{} is {:.2f}".format(a, b).
#pragma once

#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/object.h"
#include "tenfold/tokenizer/jinja/text.h"
#include "tenfold/tokenizer/jinja/value.h"
#include "tenfold/tokenizer/jinja/workspace.h"

namespace tenfold::tokenizer::jinja {

// Conversions s, r, d, i, f, F, e, E, g, G, x, X, o, c and %, with flags, width and precision. %(name)s takes a named
// argument. Errors: kInvalidArgument for conversions that are not known, and arguments that are missing, too many or of
// the wrong kind; kResourceExhausted.
Result<Text> FormatPercent(Workspace& workspace, const Text& format, const Arguments& arguments);

// Fields {}, {0}, {name}, with a format behind ":" ([[fill]align][sign][0][width][.precision][type]); {{ and }} are
// braces. Conversions ("!r") and look-ups inside fields ("{0.name}") are kUnsupported. Errors as above.
Result<Text> FormatBraces(Workspace& workspace, const Text& format, const Arguments& arguments);

}  // namespace tenfold::tokenizer::jinja
