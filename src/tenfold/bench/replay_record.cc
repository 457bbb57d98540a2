#include "tenfold/bench/replay_record.h"

#include <algorithm>
#include <utility>

namespace tenfold::bench {

ReplayRecord::ReplayRecord(std::span<const WorkloadRequest> requests, bool is_request_level)
    : is_request_level_(is_request_level),
      last_token_s_(requests.size()),
      window_begin_s_(requests[requests.size() / 10].arrival_s),
      window_end_s_(requests[requests.size() * 9 / 10].arrival_s) {
  result_.requests.resize(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    result_.requests[i] = {.arrival_s = requests[i].arrival_s,
                           .first_scheduled_s = -1,
                           .num_output_tokens = requests[i].num_output_tokens};
  }
}

void ReplayRecord::Schedule(int64_t request, double now_s) {
  if (outcome(request).first_scheduled_s < 0) outcome(request).first_scheduled_s = now_s;
}

void ReplayRecord::GiveToken(int64_t request, double now_s) {
  double& last_token_s = last_token_s_[static_cast<size_t>(request)];
  if (outcome(request).first_token_s == 0) {
    outcome(request).first_token_s = now_s;
  } else {
    result_.token_gaps_s.push_back(now_s - last_token_s);
  }
  last_token_s = now_s;
}

void ReplayRecord::End(int64_t request, double now_s) {
  outcome(request).end_s = now_s;
  if (is_request_level_) unanswered_.push_back(request);
}

void ReplayRecord::EndBatch(double now_s) {
  for (const int64_t request : unanswered_) outcome(request).end_s = now_s;
  unanswered_.clear();
}

void ReplayRecord::AddStep(double begin_s, double now_s, const Use& use) {
  ++result_.num_steps;
  if (use.is_full_step) result_.longest_full_step_s = std::max(result_.longest_full_step_s, now_s - begin_s);
  const double seconds = std::min(now_s, window_end_s_) - std::max(begin_s, window_begin_s_);
  if (seconds <= 0) return;
  const auto cached = static_cast<double>(use.num_cached_tokens);
  result_.mean_running += seconds * static_cast<double>(use.num_running);
  result_.cache_use += seconds * cached / static_cast<double>(use.num_room_tokens);
  result_.page_use += seconds * cached / static_cast<double>(std::max<int64_t>(use.num_taken_tokens, 1));
}

ReplayResult ReplayRecord::Finish(double now_s) {
  result_.end_s = now_s;
  const double window_s = std::max(window_end_s_ - window_begin_s_, 1e-9);
  result_.mean_running /= window_s;
  result_.cache_use /= window_s;
  result_.page_use /= window_s;
  std::sort(result_.token_gaps_s.begin(), result_.token_gaps_s.end());
  return std::move(result_);
}

}  // namespace tenfold::bench
