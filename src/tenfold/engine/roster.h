// Roster: the unfinished sequences of one engine or replay: who waits, who runs, and the pages they hold. Each step it
// shows them to the scheduling policy and carries the plan out on the page tables.
//
// With a prefix cache, an admitted sequence begins with the pages that the cache has for it (admission_view.h); those
// that were swapped out come back. What a step computed is known to the cache before the next one is planned.
//
// `Sequence` is a ScheduledSequence. Owner of the sequences; pool and prefix cache outlive it. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tenfold/base/check.h"
#include "tenfold/cache/integrity.h"
#include "tenfold/cache/page_pool.h"
#include "tenfold/cache/prefix_cache.h"
#include "tenfold/engine/admission_view.h"
#include "tenfold/engine/scheduled_sequence.h"
#include "tenfold/scheduler/scheduler.h"

namespace tenfold::engine {

template <class Sequence>
class Roster {
 public:
  Roster(std::unique_ptr<scheduler::SchedulingPolicy> policy, const scheduler::SchedulerLimits& limits,
         const cache::PagePool& pool, const Sharing& sharing)
      : policy_(std::move(policy)),
        limits_(limits),
        pool_(&pool),
        prefix_cache_(sharing.prefix_cache),
        counts_overtaken_(sharing.queue_order != scheduler::QueueOrder::kFcfs),
        admission_view_(limits, pool, sharing) {}

  // Takes in a waiting sequence, or a running one that was forked off another.
  void Add(std::unique_ptr<Sequence> sequence) {
    by_id_[sequence->id()] = sequence.get();
    Insert(std::move(sequence));
  }

  // Ends a sequence: it leaves, and its pages go back.
  void Finish(Sequence& sequence) {
    by_id_.erase(sequence.id());
    Extract(sequence)->MoveTo(SequenceState::kFinished);
  }

  // Decides the next step, and gives its items their pages. There must be a sequence. Valid until the next call.
  const scheduler::StepPlan& PlanStep() {
    preempted_.clear();
    while (true) {
      AskPolicy();
      if (plan_.items.empty() && plan_.preempted.empty()) plan_.preempted.push_back(LatestResting().id());
      PreemptWholeGangs();
      for (const scheduler::SequenceId id : plan_.preempted) Move(id, SequenceState::kWaiting);
      preempted_.insert(preempted_.end(), plan_.preempted.begin(), plan_.preempted.end());
      if (!plan_.items.empty()) break;
      // Who could have gone on gave way to gangs that rest: with what it gave back, somebody can.
    }
    plan_.preempted = preempted_;
    if (counts_overtaken_) CountOvertaken();
    for (const scheduler::SequenceId id : plan_.admitted) Move(id, SequenceState::kRunning);
    AdoptPrefixes();
    ReservePages();
    return plan_;
  }

  // What the step that was planned last set out to do has been computed.
  void CommitStep() {
    for (const scheduler::StepPlan::Item& item : plan_.items) {
      Sequence& sequence = at(item.id);
      sequence.table().Append(item.num_tokens);
      if (prefix_cache_ != nullptr) sequence.PublishTo(*prefix_cache_);
    }
  }

  const scheduler::SchedulingPolicy& policy() const { return *policy_; }
  bool empty() const { return by_id_.empty(); }
  Sequence& at(scheduler::SequenceId id) const { return *by_id_.at(id); }
  // Both in order of (priority, arrival, id).
  const std::vector<std::unique_ptr<Sequence>>& running() const { return running_; }
  const std::deque<std::unique_ptr<Sequence>>& waiting() const { return waiting_; }
  // Tokens of the sequences admitted so far, each once, and of these the ones that the prefix cache had.
  int64_t num_prefix_query_tokens() const { return num_prefix_query_tokens_; }
  int64_t num_prefix_hit_tokens() const { return num_prefix_hit_tokens_; }

  // Recounts every page from the tables that hold it. Errors: kCorrupt, saying which page or table is wrong.
  Status CheckIntegrity() const {
    std::vector<const cache::PageTable*> tables;
    for (const auto& sequence : running_) tables.push_back(&sequence->table());
    for (const auto& sequence : waiting_) tables.push_back(&sequence->table());
    RETURN_IF_ERROR(cache::CheckIntegrity(*pool_, tables));
    return prefix_cache_ == nullptr ? Status{} : prefix_cache_->CheckIntegrity();
  }

 private:
  static bool Earlier(const Sequence& a, const Sequence& b) {
    return std::tuple(a.priority(), a.arrival(), a.id()) < std::tuple(b.priority(), b.arrival(), b.id());
  }

  template <class Queue>
  static void InsertInto(Queue& queue, std::unique_ptr<Sequence> sequence) {
    const auto place = std::upper_bound(queue.begin(), queue.end(), sequence,
                                        [](const auto& a, const auto& b) { return Earlier(*a, *b); });
    queue.insert(place, std::move(sequence));
  }

  template <class Queue>
  static std::unique_ptr<Sequence> ExtractFrom(Queue& queue, const Sequence& sequence) {
    const auto place = std::lower_bound(queue.begin(), queue.end(), sequence,
                                        [](const auto& a, const Sequence& b) { return Earlier(*a, b); });
    CHECK(place != queue.end() && place->get() == &sequence);
    std::unique_ptr<Sequence> taken = std::move(*place);
    queue.erase(place);
    return taken;
  }

  void Insert(std::unique_ptr<Sequence> sequence) {
    if (sequence->state() == SequenceState::kRunning) {
      InsertInto(running_, std::move(sequence));
    } else {
      InsertInto(waiting_, std::move(sequence));
    }
  }

  std::unique_ptr<Sequence> Extract(const Sequence& sequence) {
    return sequence.state() == SequenceState::kRunning ? ExtractFrom(running_, sequence)
                                                       : ExtractFrom(waiting_, sequence);
  }

  void Move(scheduler::SequenceId id, SequenceState state) {
    std::unique_ptr<Sequence> sequence = Extract(at(id));
    sequence->MoveTo(state);
    Insert(std::move(sequence));
  }

  void AskPolicy() {
    running_views_.clear();
    running_pointers_.clear();
    for (const auto& sequence : running_) {
      running_views_.push_back(sequence->View());
      running_pointers_.push_back(sequence.get());
    }
    waiting_pointers_.clear();
    const size_t num_considered = admission_view_.NumConsidered(waiting_.size(), running_.size());
    for (size_t i = 0; i < num_considered; ++i) waiting_pointers_.push_back(waiting_[i].get());
    policy_->Plan({.limits = limits_,
                   .num_free_pages = pool_->num_free_pages(),
                   .running = running_views_,
                   .waiting = admission_view_.Build(running_pointers_, waiting_pointers_)},
                  plan_);
  }

  // When one of a gang is preempted, so are all: the others could only rest and hold pages.
  void PreemptWholeGangs() {
    for (size_t i = 0; i < plan_.preempted.size(); ++i) {
      const Sequence& preempted = at(plan_.preempted[i]);
      if (!preempted.is_ganged()) continue;
      for (const auto& sequence : running_) {
        if (sequence->arrival() != preempted.arrival()) continue;
        std::erase_if(plan_.items, [&](const scheduler::StepPlan::Item& item) { return item.id == sequence->id(); });
        const auto known = std::find(plan_.preempted.begin(), plan_.preempted.end(), sequence->id());
        if (known == plan_.preempted.end()) plan_.preempted.push_back(sequence->id());
      }
    }
  }

  // Only resting sequences run, and the first that waits finds no room: one of the latest gang but its own, which makes
  // some. Alone, every gang fits.
  const Sequence& LatestResting() const {
    const auto waiting = admission_view_.views();
    CHECK_MSG(!waiting.empty(), "the scheduler found nothing to do among {} running", running_.size());
    const auto latest = std::find_if(running_.rbegin(), running_.rend(), [&](const auto& sequence) {
      return sequence->is_resting() && sequence->arrival() != waiting[0].arrival;
    });
    CHECK_MSG(latest != running_.rend(), "the scheduler found nothing to do among {} running and {} waiting",
              running_.size(), waiting_.size());
    return **latest;
  }

  // Every admitted sequence overtakes those that came before it and stay.
  void CountOvertaken() {
    for (const scheduler::SequenceId id : plan_.admitted) {
      for (const auto& sequence : waiting_) {
        if (!Earlier(*sequence, at(id))) break;
        sequence->CountOvertaken();
      }
    }
  }

  void AdoptPrefixes() {
    // Pages that come back from the swap space, or are reserved, may take idle ones: not those that others begin with.
    for (const scheduler::SequenceId id : plan_.admitted) {
      for (const cache::PageId page : admission_view_.FindPrefix(at(id))) pins_.push_back(prefix_cache_->Pin(page));
    }
    for (const scheduler::SequenceId id : plan_.admitted) {
      Sequence& sequence = at(id);
      const bool is_new = sequence.num_cached_tokens() < 0;
      sequence.AdoptPrefix(admission_view_.FindPrefix(sequence), prefix_cache_);
      if (!is_new) continue;
      num_prefix_query_tokens_ += sequence.num_tokens();
      num_prefix_hit_tokens_ += sequence.num_cached_tokens();
    }
    while (!pins_.empty()) pins_.pop_back();
  }

  // Decodes and chunks take pages in the plan's order; an admitted prompt takes those of all its tokens, so that one
  // under way has them already.
  void ReservePages() {
    for (const scheduler::StepPlan::Item& item : plan_.items) {
      Sequence& sequence = at(item.id);
      const bool reserved = sequence.table().Reserve(sequence.num_tokens() - sequence.num_computed());
      CHECK_MSG(reserved, "sequence {} found no pages that its plan promised", item.id);
    }
  }

  std::unique_ptr<scheduler::SchedulingPolicy> policy_;
  const scheduler::SchedulerLimits limits_;
  const cache::PagePool* pool_;
  cache::PrefixCache* const prefix_cache_;
  const bool counts_overtaken_;
  AdmissionView admission_view_;
  std::vector<std::unique_ptr<Sequence>> running_;
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::unordered_map<scheduler::SequenceId, Sequence*> by_id_;
  // Reused from step to step.
  std::vector<scheduler::SequenceView> running_views_;
  std::vector<const ScheduledSequence*> running_pointers_;
  std::vector<const ScheduledSequence*> waiting_pointers_;
  std::vector<cache::PageRef> pins_;
  scheduler::StepPlan plan_;
  std::vector<scheduler::SequenceId> preempted_;
  int64_t num_prefix_query_tokens_ = 0;
  int64_t num_prefix_hit_tokens_ = 0;
};

}  // namespace tenfold::engine
