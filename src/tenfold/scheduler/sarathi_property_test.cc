// Random requests through SarathiPolicy and the real page pool (accounts only): a small engine without a model.
#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tenfold/cache/integrity.h"
#include "tenfold/cache/page_table.h"
#include "tenfold/scheduler/sarathi_policy.h"

namespace tenfold::scheduler {
namespace {

struct Request {
  int64_t arrival_step;
  int64_t num_prompt_tokens;
  std::vector<int64_t> num_output_tokens;  // one for each of the n continuations, at least 1

  int64_t num_seats() const { return static_cast<int64_t>(num_output_tokens.size()); }
};

void showValue(const Request& request, std::ostream& os) {
  os << "at " << request.arrival_step << ": " << request.num_prompt_tokens << " ->";
  for (const int64_t num_tokens : request.num_output_tokens) os << " " << num_tokens;
}

// Pages that the sequence's table takes from the pool for `num_new_tokens` more.
int64_t NumPagesNeeded(const SequenceView& view, int64_t num_new_tokens, int64_t page_size) {
  int64_t num_pages = view.copies_last_page ? 1 : 0;
  for (int64_t held = view.num_pages; held * page_size < view.num_computed + num_new_tokens; ++held) ++num_pages;
  return num_pages;
}

// The rules of one step that any plan must keep, from whatever state.
void CheckPlan(const SchedulerInput& input, const StepPlan& plan) {
  const SchedulerLimits& limits = input.limits;
  RC_ASSERT(plan.items.empty() == (input.running.empty() && input.waiting.empty()));
  std::map<SequenceId, int64_t> planned;
  int64_t num_tokens = 0;
  for (const StepPlan::Item& item : plan.items) {
    RC_ASSERT(planned.emplace(item.id, item.num_tokens).second);
    RC_ASSERT(item.num_tokens >= 1);
    num_tokens += item.num_tokens;
  }
  RC_ASSERT(num_tokens <= limits.max_num_batched_tokens);
  const bool is_full = num_tokens == limits.max_num_batched_tokens;

  // The preempted are the latest arrivals, latest first; nobody is preempted while there are pages for all.
  int64_t num_pages_of_decodes = 0;
  for (const SequenceView& view : input.running) {
    if (view.num_tokens - view.num_computed == 1) num_pages_of_decodes += NumPagesNeeded(view, 1, limits.page_size);
  }
  if (num_pages_of_decodes <= input.num_free_pages) RC_ASSERT(plan.preempted.empty());
  RC_ASSERT(plan.preempted.size() < std::max<size_t>(input.running.size(), 1));
  for (size_t i = 0; i < plan.preempted.size(); ++i) {
    RC_ASSERT(plan.preempted[i] == input.running[input.running.size() - 1 - i].id);
    RC_ASSERT(!planned.contains(plan.preempted[i]));
  }

  // Whoever stays and can decode does; chunks stay inside the prompt.
  int64_t num_seats = 0;
  size_t num_placed = 0;
  for (const SequenceView& view : input.running.first(input.running.size() - plan.preempted.size())) {
    const int64_t num_left = view.num_tokens - view.num_computed;
    const auto item = planned.find(view.id);
    num_seats += view.num_seats;
    if (item == planned.end()) {
      RC_ASSERT(num_left > 1);
      RC_ASSERT(is_full);
    } else {
      RC_ASSERT(item->second == num_left || is_full);
      RC_ASSERT(item->second <= num_left);
      ++num_placed;
    }
  }

  // The admitted are the first of the waiting; the next one was left for a reason.
  int64_t num_pages = num_pages_of_decodes;
  for (size_t i = 0; i < plan.admitted.size(); ++i) {
    const SequenceView& view = input.waiting[i];
    RC_ASSERT(plan.admitted[i] == view.id);
    RC_ASSERT(planned.at(view.id) <= view.num_tokens);
    num_seats += view.num_seats;
    num_pages += NumPagesNeeded(view, view.num_tokens, limits.page_size);
  }
  RC_ASSERT(num_placed + plan.admitted.size() == plan.items.size());
  RC_ASSERT(num_seats <= limits.max_num_seqs);
  if (!plan.preempted.empty()) {
    RC_ASSERT(plan.admitted.empty());
    return;
  }
  RC_ASSERT(num_pages <= input.num_free_pages);
  if (plan.admitted.size() < input.waiting.size()) {
    const SequenceView& next = input.waiting[plan.admitted.size()];
    RC_ASSERT(is_full || num_seats + next.num_seats > limits.max_num_seqs ||
              num_pages + NumPagesNeeded(next, next.num_tokens, limits.page_size) + limits.watermark_pages >
                  input.num_free_pages);
  }
}

// A sequence of the simulated engine. With several outputs to make it forks once its prompt is computed.
struct Sequence {
  SequenceId id;
  int64_t arrival;
  int64_t num_tokens;
  std::vector<int64_t> num_output_tokens;  // still to make
  cache::PageTable table;
  int64_t num_iterations = 0;  // that it, or the parent it was forked from, has run

  SequenceView View() const {
    return {.id = id,
            .arrival = arrival,
            .num_tokens = num_tokens,
            .num_computed = table.num_tokens(),
            .num_pages = table.num_pages(),
            .num_exclusive_pages = table.num_exclusive_pages(),
            .copies_last_page = table.copies_last_page(),
            .num_seats = static_cast<int64_t>(num_output_tokens.size())};
  }
};

class SimulatedEngine {
 public:
  SimulatedEngine(const SchedulerLimits& limits, int64_t num_pages)
      : limits_(limits), pool_(cache::PagePool::Create(num_pages, 0).value()) {}

  void Submit(const Request& request) {
    const int64_t id = next_id_++;
    waiting_.push_back(
        {id, id, request.num_prompt_tokens, request.num_output_tokens, cache::PageTable(*pool_, limits_.page_size)});
  }

  bool HasWork() const { return !running_.empty() || !waiting_.empty(); }
  int64_t num_preemptions() const { return num_preemptions_; }

  void Step() {
    const std::vector<SequenceView> running = Views(running_);
    const std::vector<SequenceView> waiting = Views(waiting_);
    const SchedulerInput input{limits_, pool_->num_free_pages(), running, waiting};
    SarathiPolicy().Plan(input, plan_);
    CheckPlan(input, plan_);
    Preempt();
    Admit();
    Compute();
    CheckOrder();
    CheckPages();
  }

  void CheckAllPagesAreFree() const { RC_ASSERT(pool_->num_free_pages() == pool_->num_pages()); }

 private:
  static std::vector<SequenceView> Views(const std::vector<Sequence>& sequences) {
    std::vector<SequenceView> views;
    for (const Sequence& sequence : sequences) views.push_back(sequence.View());
    return views;
  }

  void Preempt() {
    for (size_t i = 0; i < plan_.preempted.size(); ++i) {
      running_.back().table.Free();
      waiting_.insert(waiting_.begin(), std::move(running_.back()));
      running_.pop_back();
      ++num_preemptions_;
    }
  }

  void Admit() {
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(plan_.admitted.size());
    std::move(waiting_.begin(), end, std::back_inserter(running_));
    waiting_.erase(waiting_.begin(), end);
  }

  // Runs the items in their order: reserve, "compute", sample, fork, finish.
  void Compute() {
    const std::set<SequenceId> admitted(plan_.admitted.begin(), plan_.admitted.end());
    for (const StepPlan::Item& item : plan_.items) {
      Sequence& sequence = Find(item.id);
      RC_ASSERT(sequence.table.Reserve(admitted.contains(item.id) ? sequence.num_tokens : item.num_tokens));
      sequence.table.Append(item.num_tokens);
      ++sequence.num_iterations;
    }
    std::vector<Sequence> survivors;
    for (Sequence& sequence : running_) {
      if (sequence.table.num_tokens() < sequence.num_tokens) {
        survivors.push_back(std::move(sequence));
        continue;
      }
      const std::vector<int64_t> outputs = sequence.num_output_tokens;
      std::vector<Sequence> forks;
      for (size_t i = 1; i < outputs.size(); ++i) {
        forks.push_back({next_id_++,
                         sequence.arrival,
                         sequence.num_tokens,
                         {outputs[i]},
                         sequence.table.Fork(),
                         sequence.num_iterations});
      }
      sequence.num_output_tokens.resize(1);
      forks.insert(forks.begin(), std::move(sequence));
      for (Sequence& fork : forks) {
        ++fork.num_tokens;
        if (--fork.num_output_tokens[0] > 0) survivors.push_back(std::move(fork));
      }
    }
    running_ = std::move(survivors);
  }

  // Iteration-level FCFS: whoever came earlier has run at least as often. Forks of one request count as one arrival.
  void CheckOrder() const {
    const Sequence* previous = nullptr;
    for (const std::vector<Sequence>* sequences : {&running_, &waiting_}) {
      for (const Sequence& sequence : *sequences) {
        if (previous != nullptr) {
          RC_ASSERT(std::pair(previous->arrival, previous->id) < std::pair(sequence.arrival, sequence.id));
          RC_ASSERT(previous->num_iterations >= sequence.num_iterations);
        }
        previous = &sequence;
      }
    }
  }

  void CheckPages() const {
    std::vector<const cache::PageTable*> tables;
    for (const Sequence& sequence : running_) tables.push_back(&sequence.table);
    for (const Sequence& sequence : waiting_) {
      RC_ASSERT(sequence.table.num_pages() == 0);
      tables.push_back(&sequence.table);
    }
    const Status integrity = cache::CheckIntegrity(*pool_, tables);
    if (!integrity) RC_FAIL(integrity.error().message);
  }

  Sequence& Find(SequenceId id) {
    const auto found = std::find_if(running_.begin(), running_.end(), [id](const Sequence& s) { return s.id == id; });
    RC_ASSERT(found != running_.end());
    return *found;
  }

  const SchedulerLimits limits_;
  std::unique_ptr<cache::PagePool> pool_;
  std::vector<Sequence> running_;
  std::vector<Sequence> waiting_;
  StepPlan plan_;
  SequenceId next_id_ = 0;
  int64_t num_preemptions_ = 0;
};

// A running sequence in any state: decodes and prompts under way in any order, which the policy's own steps never
// reach.
rc::Gen<SequenceView> AnyRunning(int64_t page_size) {
  return rc::gen::exec([page_size] {
    SequenceView view;
    view.num_computed = *rc::gen::inRange<int64_t>(1, 50);
    view.num_tokens = view.num_computed + *rc::gen::weightedOneOf<int64_t>(
                                              {{2, rc::gen::just<int64_t>(1)}, {1, rc::gen::inRange<int64_t>(2, 50)}});
    const bool is_decode = view.num_tokens - view.num_computed == 1;
    view.num_pages = cache::NumPagesFor(is_decode ? view.num_computed : view.num_tokens, page_size);
    view.num_exclusive_pages = *rc::gen::inRange<int64_t>(0, view.num_pages + 1);
    view.copies_last_page = is_decode && view.num_computed % page_size != 0 &&
                            view.num_exclusive_pages < view.num_pages && *rc::gen::arbitrary<bool>();
    return view;
  });
}

RC_GTEST_PROP(SarathiProperty, EveryStepKeepsTheRulesFromAnyState, ()) {
  const auto page_size = *rc::gen::element<int64_t>(1, 3, 4, 16);
  auto running = *rc::gen::container<std::vector<SequenceView>>(AnyRunning(page_size));
  const auto prompts = *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(1, 50));
  const auto max_num_seqs = static_cast<int64_t>(running.size()) + *rc::gen::inRange<int64_t>(1, 12);
  const auto budget = max_num_seqs + *rc::gen::inRange<int64_t>(0, 100);
  const auto watermark = *rc::gen::inRange<int64_t>(0, 4);
  std::vector<SequenceView> waiting;
  SequenceId next_id = 0;
  for (SequenceView& view : running) view.id = view.arrival = next_id++;
  for (const int64_t num_tokens : prompts) {
    waiting.push_back({.id = next_id, .arrival = next_id, .num_tokens = num_tokens});
    ++next_id;
  }
  // Whoever is alone fits the pool.
  int64_t num_free_pages = *rc::gen::inRange<int64_t>(0, 30);
  if (running.size() == 1) num_free_pages += 2;
  if (running.empty() && !waiting.empty()) num_free_pages += cache::NumPagesFor(waiting[0].num_tokens, page_size);

  const SchedulerInput input{{budget, max_num_seqs, page_size, watermark}, num_free_pages, running, waiting};
  StepPlan plan;
  SarathiPolicy().Plan(input, plan);
  CheckPlan(input, plan);
  RC_CLASSIFY(!plan.preempted.empty(), "with preemptions");
}

rc::Gen<Request> AnyRequest(int64_t max_num_seats) {
  return rc::gen::mapcat(rc::gen::inRange<int64_t>(1, std::min<int64_t>(max_num_seats, 4) + 1), [](int64_t num_seats) {
    return rc::gen::construct<Request>(
        rc::gen::inRange<int64_t>(0, 60), rc::gen::inRange<int64_t>(1, 60),
        rc::gen::container<std::vector<int64_t>>(static_cast<size_t>(num_seats), rc::gen::inRange<int64_t>(1, 40)));
  });
}

RC_GTEST_PROP(SarathiProperty, EveryRequestEndsAndEveryStepKeepsTheRules, ()) {
  const auto max_num_seqs = *rc::gen::inRange<int64_t>(1, 12);
  const auto budget = max_num_seqs + *rc::gen::inRange<int64_t>(0, 40);
  const auto page_size = *rc::gen::element<int64_t>(1, 3, 4, 16);
  const auto watermark = *rc::gen::inRange<int64_t>(0, 4);
  auto requests = *rc::gen::container<std::vector<Request>>(AnyRequest(max_num_seqs));
  std::stable_sort(requests.begin(), requests.end(),
                   [](const Request& a, const Request& b) { return a.arrival_step < b.arrival_step; });

  // The pool holds the longest sequence alone, and a little more or much more.
  int64_t num_longest_tokens = 1;
  int64_t num_tokens_in_all = 0;
  for (const Request& request : requests) {
    for (const int64_t num_output_tokens : request.num_output_tokens) {
      num_longest_tokens = std::max(num_longest_tokens, request.num_prompt_tokens + num_output_tokens);
      num_tokens_in_all += request.num_prompt_tokens + num_output_tokens;
    }
  }
  const auto num_pages =
      cache::NumPagesFor(num_longest_tokens, page_size) + *rc::gen::element<int64_t>(0, 1, 5, 20, 1000);

  const SchedulerLimits limits{budget, max_num_seqs, page_size, watermark};
  RC_ASSERT(ValidateLimits(limits).has_value());
  SimulatedEngine engine(limits, num_pages);
  size_t num_submitted = 0;
  int64_t num_steps = 0;
  for (int64_t now = 0; num_submitted < requests.size() || engine.HasWork(); ++now) {
    while (num_submitted < requests.size() && requests[num_submitted].arrival_step <= now) {
      engine.Submit(requests[num_submitted++]);
    }
    if (!engine.HasWork()) continue;
    engine.Step();
    // The earliest unfinished sequence computes a token in every step and never loses one.
    RC_ASSERT(++num_steps <= num_tokens_in_all);
  }
  engine.CheckAllPagesAreFree();
  RC_CLASSIFY(engine.num_preemptions() > 0, "with preemptions");
}

}  // namespace
}  // namespace tenfold::scheduler
