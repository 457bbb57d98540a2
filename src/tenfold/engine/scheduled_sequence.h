// ScheduledSequence: what the scheduler and the cache know of a sequence: its place in the order, its tokens' number
// and its pages. What the tokens are is the business of who derives from it: the engine (sequence.h) or a replay.
//
// States and the moves between them:
//
//   kWaiting  -> kRunning   admitted: pages for all its tokens
//   kRunning  -> kWaiting   preempted: pages given back, computed again later
//   kWaiting, kRunning -> kFinished
#pragma once

#include <cstdint>

#include "tenfold/cache/page_table.h"
#include "tenfold/scheduler/scheduler.h"

namespace tenfold::engine {

enum class SequenceState { kWaiting, kRunning, kFinished };

class ScheduledSequence {
 public:
  virtual ~ScheduledSequence() = default;

  // Known tokens: the prompt and what was generated so far.
  virtual int64_t num_tokens() const = 0;
  // What num_tokens can grow to, and what it will grow to: the same, unless the end is known beforehand.
  virtual int64_t max_num_tokens() const = 0;
  virtual int64_t final_num_tokens() const { return max_num_tokens(); }
  // Running sequences it becomes once its prompt is computed.
  virtual int64_t num_seats() const { return 1; }

  // Stops in CHECK on a move that the table above does not allow. Leaving kRunning gives all pages back.
  void MoveTo(SequenceState state);

  scheduler::SequenceId id() const { return id_; }
  int64_t arrival() const { return arrival_; }
  SequenceState state() const { return state_; }
  cache::PageTable& table() { return table_; }
  const cache::PageTable& table() const { return table_; }
  // Tokens whose keys and values are in the cache.
  int64_t num_computed() const { return table_.num_tokens(); }

  scheduler::SequenceView View() const;

 protected:
  ScheduledSequence(scheduler::SequenceId id, int64_t arrival, cache::PageTable table,
                    SequenceState state = SequenceState::kWaiting);

 private:
  scheduler::SequenceId id_;
  int64_t arrival_;
  SequenceState state_;
  cache::PageTable table_;
};

}  // namespace tenfold::engine
