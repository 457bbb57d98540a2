#include "tenfold/scheduler/policies.h"

#include <iterator>
#include <string>

#include "tenfold/scheduler/orca_policy.h"
#include "tenfold/scheduler/prefill_first_policy.h"
#include "tenfold/scheduler/priority_policy.h"
#include "tenfold/scheduler/sarathi_halves.h"
#include "tenfold/scheduler/sarathi_policy.h"

namespace tenfold::scheduler {
namespace {

using Make = std::unique_ptr<SchedulingPolicy> (*)(const MemoryShape& memory);

template <Reservation kReservation>
std::unique_ptr<SchedulingPolicy> MakeOrca(const MemoryShape& memory) {
  return std::make_unique<OrcaPolicy>(kReservation, memory);
}

constexpr PolicyInfo kInfos[] = {
    {"sarathi", "decodes first, then prompts in chunks of what is left of the budget (Sarathi-Serve)",
     StepBudget::kAny},
    {"priority", "the same by urgency (a request's \"priority\", lower first), which also preempts", StepBudget::kAny,
     false, true},
    {"chunked-only", "prompts in chunks, never beside decodes: half of Sarathi-Serve", StepBudget::kAny},
    {"hybrid-only", "whole prompts beside decodes: the other half", StepBudget::kLongestSequence},
    {"prefill-first", "whole prompts before decodes, never both (vLLM of 2023)", StepBudget::kLongestSequence},
    {"orca-max", "prompts beside decodes; memory reserved for the greatest length (Orca)", StepBudget::kWholeBatch},
    {"orca-pow2", "the same; memory for the prompt and the output rounded up to a power of two",
     StepBudget::kWholeBatch},
    {"orca-oracle", "the same; memory for exactly what will be generated, where that is known",
     StepBudget::kWholeBatch},
    {"static", "a batch stays together until its last sequence ends (request-level batching)", StepBudget::kWholeBatch,
     true},
};
constexpr Make kMakers[] = {
    [](const MemoryShape&) -> std::unique_ptr<SchedulingPolicy> { return std::make_unique<SarathiPolicy>(); },
    [](const MemoryShape&) -> std::unique_ptr<SchedulingPolicy> { return std::make_unique<PriorityPolicy>(); },
    [](const MemoryShape&) -> std::unique_ptr<SchedulingPolicy> { return std::make_unique<ChunkedOnlyPolicy>(); },
    [](const MemoryShape&) -> std::unique_ptr<SchedulingPolicy> { return std::make_unique<HybridOnlyPolicy>(); },
    [](const MemoryShape&) -> std::unique_ptr<SchedulingPolicy> { return std::make_unique<PrefillFirstPolicy>(); },
    MakeOrca<Reservation::kMax>,
    MakeOrca<Reservation::kPow2>,
    MakeOrca<Reservation::kOracle>,
    [](const MemoryShape& memory) -> std::unique_ptr<SchedulingPolicy> {
      return std::make_unique<StaticPolicy>(memory);
    },
};
static_assert(std::size(kInfos) == std::size(kMakers));

Result<size_t> IndexOf(std::string_view name) {
  std::string names;
  for (size_t i = 0; i < std::size(kInfos); ++i) {
    if (kInfos[i].name == name) return i;
    names += (names.empty() ? "" : ", ") + std::string(kInfos[i].name);
  }
  return MakeError(ErrorCode::kInvalidArgument, "there is no scheduling policy \"{}\"; there are {}", name, names);
}

}  // namespace

std::span<const PolicyInfo> Policies() {
  return kInfos;
}

Result<PolicyInfo> FindPolicy(std::string_view name) {
  ASSIGN_OR_RETURN(const size_t index, IndexOf(name));
  return kInfos[index];
}

Result<std::unique_ptr<SchedulingPolicy>> MakePolicy(std::string_view name, const MemoryShape& memory) {
  ASSIGN_OR_RETURN(const size_t index, IndexOf(name));
  return kMakers[index](memory);
}

}  // namespace tenfold::scheduler
