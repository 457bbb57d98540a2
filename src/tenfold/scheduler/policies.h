// The scheduling policies by name, for --scheduling-policy and for replays.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "tenfold/base/result.h"
#include "tenfold/scheduler/scheduler.h"

namespace tenfold::scheduler {

// The token budget that a policy needs.
enum class StepBudget {
  kAny,              // prompts come in chunks
  kLongestSequence,  // whole prompts, as many as fit
  kWholeBatch,       // all that is admitted, prompts whole
};

struct PolicyInfo {
  std::string_view name;
  std::string_view summary;
  StepBudget budget;
  // A batch begins and ends together: systems of that kind answer all its requests when the last one is done.
  bool is_request_level = false;
  // Requests may bring a priority; elsewhere all have the same.
  bool is_by_priority = false;
};

// All of them, the default first.
std::span<const PolicyInfo> Policies();

// Errors: kInvalidArgument, listing the names.
Result<PolicyInfo> FindPolicy(std::string_view name);
Result<std::unique_ptr<SchedulingPolicy>> MakePolicy(std::string_view name, const MemoryShape& memory);

}  // namespace tenfold::scheduler
