// ReplayRecord: what happens to requests in a replay, noted as it happens, whoever drives the clock.
//
// Where requests are batched as a whole (policies.h: is_request_level), nobody has an answer before the last sequence
// of the batch has ended.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/bench/replay.h"
#include "tenfold/bench/workload.h"

namespace tenfold::bench {

class ReplayRecord {
 public:
  ReplayRecord(std::span<const WorkloadRequest> requests, bool is_request_level);

  RequestOutcome& outcome(int64_t request) { return result_.requests[static_cast<size_t>(request)]; }
  void Schedule(int64_t request, double now_s);
  void GiveToken(int64_t request, double now_s);
  void End(int64_t request, double now_s);
  // No sequence runs any more.
  void EndBatch(double now_s);

  // A step from begin_s to now_s, and the state after it.
  struct Use {
    bool is_full_step = false;  // it had as many tokens as the budget allows
    int64_t num_running = 0;
    int64_t num_cached_tokens = 0;  // that running sequences have
    int64_t num_room_tokens = 0;    // in all pages
    int64_t num_taken_tokens = 0;   // in the pages taken
  };
  void AddStep(double begin_s, double now_s, const Use& use);

  ReplayResult& result() { return result_; }
  // The averages are over the time between the arrivals of a tenth and nine tenths of the requests.
  ReplayResult Finish(double now_s);

 private:
  bool is_request_level_;
  std::vector<int64_t> unanswered_;   // complete, in a batch that is not
  std::vector<double> last_token_s_;  // of each request
  double window_begin_s_;
  double window_end_s_;
  ReplayResult result_;
};

}  // namespace tenfold::bench
