// strftime_now: the date, as the template wants it written.
#pragma once

#include <ctime>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/value.h"
#include "tenfold/tokenizer/jinja/workspace.h"

namespace tenfold::tokenizer::jinja {

// The function strftime_now(format) for the moment `now`. Letters are those of C's strftime in the "C" locale, with "-"
// for numbers without padding. Called with others it fails with kUnsupported.
Result<Value> NewTimeFunction(Workspace& workspace, const std::tm& now);

}  // namespace tenfold::tokenizer::jinja
