// Rules that policies keep through the roster, whatever arrives: pages are accounted for, nobody runs less often than
// who came later, reservations fit the memory, and every request ends.
#include <algorithm>
#include <bit>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tenfold/engine/roster.h"
#include "tenfold/scheduler/policies.h"

namespace tenfold::engine {
namespace {

struct Lengths {
  int64_t arrival_step, num_prompt_tokens, num_output_tokens;
};

void showValue(const Lengths& lengths, std::ostream& os) {
  os << "at " << lengths.arrival_step << ": " << lengths.num_prompt_tokens << " -> " << lengths.num_output_tokens;
}

class CountedSequence final : public ScheduledSequence {
 public:
  CountedSequence(int64_t index, const Lengths& lengths, cache::PageTable table)
      : ScheduledSequence(index, index, std::move(table)),
        num_prompt_tokens(lengths.num_prompt_tokens),
        num_tokens_(lengths.num_prompt_tokens),
        final_num_tokens_(lengths.num_prompt_tokens + lengths.num_output_tokens) {}

  int64_t num_tokens() const override { return num_tokens_; }
  int64_t max_num_tokens() const override { return final_num_tokens_; }
  int64_t final_num_tokens() const override { return final_num_tokens_; }
  bool AddToken() { return ++num_tokens_ == final_num_tokens_; }

  const int64_t num_prompt_tokens;

 private:
  int64_t num_tokens_;
  int64_t final_num_tokens_;
};

constexpr int64_t kMaxModelLen = 32, kPageSize = 4;

// What Orca's policies set aside for a request when it is admitted, pages; 0 for policies that set nothing aside.
int64_t NumReservedPages(std::string_view policy, const CountedSequence& sequence) {
  const auto num_output = static_cast<uint64_t>(sequence.final_num_tokens() - sequence.num_prompt_tokens);
  int64_t num_tokens = 0;
  if (policy == "orca-max") num_tokens = kMaxModelLen;
  if (policy == "orca-pow2") num_tokens = sequence.num_prompt_tokens + static_cast<int64_t>(std::bit_ceil(num_output));
  if (policy == "orca-oracle") num_tokens = sequence.final_num_tokens();
  return cache::NumPagesFor(std::min(num_tokens, kMaxModelLen), kPageSize);
}

class Simulation {
 public:
  Simulation(std::string_view policy, int64_t num_pages, int64_t max_num_seqs, int64_t budget)
      : policy_(policy),
        budget_(budget),
        pool_(cache::PagePool::Create(num_pages, 0).value()),
        roster_(scheduler::MakePolicy(policy, {num_pages, kPageSize, kMaxModelLen}).value(),
                {.max_num_batched_tokens = budget, .max_num_seqs = max_num_seqs, .page_size = kPageSize}, *pool_, {}) {}

  bool empty() const { return roster_.empty(); }

  void Add(const Lengths& lengths) {
    roster_.Add(std::make_unique<CountedSequence>(next_id_++, lengths, cache::PageTable(*pool_, kPageSize)));
  }

  void Step() {
    const scheduler::StepPlan& plan = roster_.PlanStep();
    int64_t num_tokens = 0, num_reserved_pages = 0;
    for (const scheduler::StepPlan::Item& item : plan.items) {
      num_tokens += item.num_tokens;
      ++num_iterations_[item.id];
    }
    roster_.CommitStep();
    RC_ASSERT(num_tokens <= budget_);
    for (const auto& sequence : roster_.running()) num_reserved_pages += NumReservedPages(policy_, *sequence);
    RC_ASSERT(num_reserved_pages <= pool_->num_pages());
    if (policy_.starts_with("orca") || policy_ == "static") RC_ASSERT(plan.preempted.empty());
    // Chunks of a newcomer's prompt stand alone in their steps under this one: whoever came earlier waits.
    if (policy_ != "chunked-only") CheckOrder();
    // Whoever is done leaves in the iteration of its last token.
    const std::vector<scheduler::StepPlan::Item> items = plan.items;
    for (const scheduler::StepPlan::Item& item : items) {
      CountedSequence& sequence = roster_.at(item.id);
      if (sequence.num_computed() == sequence.num_tokens() && sequence.AddToken()) roster_.Finish(sequence);
    }
    RC_ASSERT(roster_.CheckIntegrity().has_value());
    if (roster_.empty()) RC_ASSERT(pool_->num_free_pages() == pool_->num_pages());
  }

 private:
  // Iteration-level first come, first served.
  void CheckOrder() {
    std::map<int64_t, int64_t> by_arrival;
    for (const auto& sequence : roster_.running()) by_arrival[sequence->id()] = num_iterations_[sequence->id()];
    for (const auto& sequence : roster_.waiting()) by_arrival[sequence->id()] = num_iterations_[sequence->id()];
    int64_t previous = INT64_MAX;
    for (const auto& [id, num_iterations] : by_arrival) {
      RC_ASSERT(num_iterations <= previous);
      previous = num_iterations;
    }
  }

  std::string_view policy_;
  int64_t budget_;
  std::unique_ptr<cache::PagePool> pool_;
  Roster<CountedSequence> roster_;
  std::map<scheduler::SequenceId, int64_t> num_iterations_;
  int64_t next_id_ = 0;
};

rc::Gen<Lengths> AnyLengths() {
  return rc::gen::construct<Lengths>(rc::gen::inRange<int64_t>(0, 60), rc::gen::inRange<int64_t>(1, kMaxModelLen / 2),
                                     rc::gen::inRange<int64_t>(1, kMaxModelLen / 2));
}

RC_GTEST_PROP(RosterProperty, EveryPolicyKeepsItsRulesAndEndsEveryRequest, ()) {
  const auto info = *rc::gen::elementOf(
      std::vector<scheduler::PolicyInfo>(scheduler::Policies().begin(), scheduler::Policies().end()));
  RC_LOG() << info.name;
  auto requests = *rc::gen::container<std::vector<Lengths>>(AnyLengths());
  std::stable_sort(requests.begin(), requests.end(),
                   [](const Lengths& a, const Lengths& b) { return a.arrival_step < b.arrival_step; });
  const auto max_num_seqs = *rc::gen::inRange<int64_t>(1, 9);
  // At least one sequence of the greatest length.
  const auto num_pages = *rc::gen::inRange<int64_t>(kMaxModelLen / kPageSize, 40);
  int64_t budget = max_num_seqs + *rc::gen::inRange<int64_t>(0, 20);
  if (info.budget != scheduler::StepBudget::kAny) budget = std::max(budget, kMaxModelLen);
  if (info.budget == scheduler::StepBudget::kWholeBatch) budget = max_num_seqs * kMaxModelLen;

  Simulation simulation(info.name, num_pages, max_num_seqs, budget);
  size_t num_added = 0;
  int64_t num_tokens_in_all = 0;
  for (const Lengths& request : requests) num_tokens_in_all += request.num_prompt_tokens + request.num_output_tokens;
  for (int64_t now = 0, num_steps = 0; num_added < requests.size() || !simulation.empty(); ++now) {
    while (num_added < requests.size() && requests[num_added].arrival_step <= now) {
      simulation.Add(requests[num_added++]);
    }
    if (simulation.empty()) continue;
    simulation.Step();
    RC_ASSERT(++num_steps <= 2 * num_tokens_in_all);
  }
}

}  // namespace
}  // namespace tenfold::engine
