// ScheduledSequence: what the scheduler and the cache know of a sequence: its place in the order, its tokens' number
// and its pages. What the tokens are is the business of who derives from it: the engine (sequence.h) or a replay.
//
// States and the moves between them:
//
//   kWaiting  -> kRunning   admitted: begins with the pages of a cached prefix, gets pages for all its other tokens
//   kRunning  -> kWaiting   preempted: pages given back, computed again later
//   kWaiting, kRunning -> kFinished
#pragma once

#include <cstdint>
#include <span>

#include "tenfold/cache/page_table.h"
#include "tenfold/cache/prefix_cache.h"
#include "tenfold/scheduler/scheduler.h"

namespace tenfold::engine {

enum class SequenceState { kWaiting, kRunning, kFinished };

class ScheduledSequence {
 public:
  virtual ~ScheduledSequence() = default;

  // Known tokens: the prompt and what was generated so far.
  virtual int64_t num_tokens() const = 0;
  // A lower one is more urgent.
  virtual int64_t priority() const { return 0; }
  // What num_tokens can grow to, and what it will grow to: the same, unless the end is known beforehand.
  virtual int64_t max_num_tokens() const = 0;
  virtual int64_t final_num_tokens() const { return max_num_tokens(); }
  // Running sequences it becomes once its prompt is computed.
  virtual int64_t num_seats() const { return 1; }

  // The first known tokens, which may come from the cache: what the model says after each of the others is wanted.
  virtual int64_t num_cacheable() const { return num_tokens() - 1; }

  // Whether it goes on only together with the others of its arrival (beam_group.h): they are preempted together, and
  // one that has nothing to compute rests until the others have caught up.
  virtual bool is_ganged() const { return false; }
  bool is_resting() const { return num_computed() == num_tokens(); }

  // All known tokens; nothing where only their number is known: then no prefix is shared.
  virtual cache::PrefixKey prefix_key() const { return {}; }

  // Stops in CHECK on a move that the table above does not allow. Leaving kRunning gives all pages back.
  void MoveTo(SequenceState state);

  scheduler::SequenceId id() const { return id_; }
  int64_t arrival() const { return arrival_; }
  SequenceState state() const { return state_; }
  cache::PageTable& table() { return table_; }
  const cache::PageTable& table() const { return table_; }
  // Tokens whose keys and values are in the cache.
  int64_t num_computed() const { return table_.num_tokens(); }

  // Begins with what the prefix cache has, before anything is computed: pages that it matched, pinned where another one
  // begins first. The cache may be null when there are none.
  void AdoptPrefix(std::span<const cache::PageId> pages, cache::PrefixCache* prefix_cache);
  // Makes full pages that were computed since the last call known to the cache.
  void PublishTo(cache::PrefixCache& prefix_cache);
  // Tokens that it began with when it was first admitted; -1 before.
  int64_t num_cached_tokens() const { return num_cached_tokens_; }

  // How often it was admitted: once, and again after each preemption.
  int64_t num_admissions() const { return num_admissions_; }
  int64_t num_preemptions() const {
    return num_admissions_ == 0 ? 0 : num_admissions_ - (state_ == SequenceState::kRunning ? 1 : 0);
  }

  // How many later sequences were admitted while this one waited; counted only where that can happen.
  int64_t num_overtaken() const { return num_overtaken_; }
  void CountOvertaken() { ++num_overtaken_; }

  scheduler::SequenceView View() const;

 protected:
  ScheduledSequence(scheduler::SequenceId id, int64_t arrival, cache::PageTable table);
  // A fork: over the same pages, running.
  ScheduledSequence(const ScheduledSequence& parent, scheduler::SequenceId id);

 private:
  scheduler::SequenceId id_;
  int64_t arrival_;
  SequenceState state_;
  cache::PageTable table_;
  int64_t num_published_pages_ = 0;  // the first of the table
  int64_t num_cached_tokens_ = -1;
  int64_t num_admissions_ = 0;
  int64_t num_overtaken_ = 0;
};

}  // namespace tenfold::engine
