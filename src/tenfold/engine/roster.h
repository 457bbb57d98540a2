// Roster: the unfinished sequences of one engine or replay: who waits, who runs, and the pages they hold. Each step it
// shows them to the scheduling policy and carries the plan out on the page tables.
//
// `Sequence` is a ScheduledSequence. Owner of the sequences; the pool outlives it. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tenfold/base/check.h"
#include "tenfold/cache/integrity.h"
#include "tenfold/cache/page_pool.h"
#include "tenfold/engine/scheduled_sequence.h"
#include "tenfold/scheduler/scheduler.h"

namespace tenfold::engine {

template <class Sequence>
class Roster {
 public:
  Roster(std::unique_ptr<scheduler::SchedulingPolicy> policy, const scheduler::SchedulerLimits& limits,
         const cache::PagePool& pool)
      : policy_(std::move(policy)), limits_(limits), pool_(&pool) {}

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
    running_views_.clear();
    waiting_views_.clear();
    for (const auto& sequence : running_) running_views_.push_back(sequence->View());
    // No step admits more than max_num_seqs.
    const size_t num_candidates = std::min(waiting_.size(), static_cast<size_t>(limits_.max_num_seqs));
    for (size_t i = 0; i < num_candidates; ++i) waiting_views_.push_back(waiting_[i]->View());
    policy_->Plan({.limits = limits_,
                   .num_free_pages = pool_->num_free_pages(),
                   .running = running_views_,
                   .waiting = waiting_views_},
                  plan_);
    CHECK_MSG(!plan_.items.empty(), "the scheduler found nothing to do among {} running and {} waiting",
              running_.size(), waiting_.size());
    for (const scheduler::SequenceId id : plan_.preempted) Move(id, SequenceState::kWaiting);
    for (const scheduler::SequenceId id : plan_.admitted) Move(id, SequenceState::kRunning);
    ReservePages();
    return plan_;
  }

  const scheduler::SchedulingPolicy& policy() const { return *policy_; }
  bool empty() const { return by_id_.empty(); }
  Sequence& at(scheduler::SequenceId id) const { return *by_id_.at(id); }
  // Both in order of (arrival, id).
  const std::vector<std::unique_ptr<Sequence>>& running() const { return running_; }
  const std::deque<std::unique_ptr<Sequence>>& waiting() const { return waiting_; }

  // Recounts every page from the tables that hold it. Errors: kCorrupt, saying which page or table is wrong.
  Status CheckIntegrity() const {
    std::vector<const cache::PageTable*> tables;
    for (const auto& sequence : running_) tables.push_back(&sequence->table());
    for (const auto& sequence : waiting_) tables.push_back(&sequence->table());
    return cache::CheckIntegrity(*pool_, tables);
  }

 private:
  static bool Earlier(const Sequence& a, const Sequence& b) {
    return std::pair(a.arrival(), a.id()) < std::pair(b.arrival(), b.id());
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

  // Decodes and chunks take pages in the plan's order; an admitted prompt takes those of all its tokens.
  void ReservePages() {
    for (const scheduler::StepPlan::Item& item : plan_.items) {
      Sequence& sequence = at(item.id);
      const bool newly_admitted = sequence.num_computed() == 0;
      const bool reserved = sequence.table().Reserve(newly_admitted ? sequence.num_tokens() : item.num_tokens);
      CHECK_MSG(reserved, "sequence {} found no pages that its plan promised", item.id);
    }
  }

  std::unique_ptr<scheduler::SchedulingPolicy> policy_;
  const scheduler::SchedulerLimits limits_;
  const cache::PagePool* pool_;
  std::vector<std::unique_ptr<Sequence>> running_;
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::unordered_map<scheduler::SequenceId, Sequence*> by_id_;
  // Reused from step to step.
  std::vector<scheduler::SequenceView> running_views_;
  std::vector<scheduler::SequenceView> waiting_views_;
  scheduler::StepPlan plan_;
};

}  // namespace tenfold::engine
