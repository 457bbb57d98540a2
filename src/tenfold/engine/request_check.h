// What can be said about a request before it gets in.
#pragma once

#include <cstdint>

#include "tenfold/base/result.h"
#include "tenfold/engine/engine_options.h"
#include "tenfold/engine/request.h"
#include "tenfold/scheduler/scheduler.h"

namespace tenfold::engine {

// The engine that it would get into.
struct EngineLimits {
  const EngineOptions& options;
  const KvCachePlan& kv_plan;
  const scheduler::SchedulingPolicy& policy;
  int64_t vocab_size;
};

// Any thread. Errors: kInvalidArgument, naming the field.
Status CheckRequest(const Request& request, const EngineLimits& limits);

}  // namespace tenfold::engine
