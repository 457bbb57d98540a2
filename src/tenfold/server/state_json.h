// The answer of GET /admin/state: what the engine is doing, for a page that draws it.
#pragma once

#include <string>

#include "tenfold/engine/engine_api.h"
#include "tenfold/server/answers.h"

namespace tenfold::server {

// {"policy", "queue_order", "prefix_cache", limits, "step", "last_step_tokens", "pages": {"total", "free",
// "size_tokens"}, "swap_space": {"total", "used", "swapped_out", "swapped_in"}, "running", "waiting", "sequences":
// [{"id", "request", "sample", "state", ...}]}. Ages are as of `now`.
std::string StateJson(const engine::EngineState& state, const engine::EngineOptions& options, const Answers& answers,
                      Answers::Clock::time_point now);

}  // namespace tenfold::server
