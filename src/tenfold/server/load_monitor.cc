#include "tenfold/server/load_monitor.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include <fmt/format.h>

#include "tenfold/base/logging.h"

namespace tenfold::server {
namespace {

double Seconds(LoadMonitor::Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double ThreadProcessorSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

uint64_t NumEnded(const engine::EngineStats& stats) {
  return stats.num_finished_stop + stats.num_finished_length + stats.num_finished_cancelled + stats.num_finished_error;
}

}  // namespace

void LoadMonitor::Tick(Clock::time_point now) {
  if (last_tick_ == Clock::time_point{}) {
    last_tick_ = pace_since_ = logged_at_ = now;
    processor_s_ = ThreadProcessorSeconds();
    return;
  }
  const double processor_s = ThreadProcessorSeconds();
  metrics_.ObserveStall(std::max(0.0, Seconds(now - last_tick_ - kTickInterval)), processor_s - processor_s_);
  processor_s_ = processor_s;
  last_tick_ = now;
  if (now - pace_since_ >= kPaceInterval) {
    const uint64_t num_ended = NumEnded(engine_.Stats());
    ended_per_s_ = static_cast<double>(num_ended - num_ended_before_) / Seconds(now - pace_since_);
    num_ended_before_ = num_ended;
    pace_since_ = now;
  }
  if (log_interval_s_ <= 0 || Seconds(now - logged_at_) < log_interval_s_) return;
  const engine::EngineStats stats = engine_.Stats();
  if (stats.num_steps != logged_.num_steps) Log(stats, Seconds(now - logged_at_));
  logged_ = stats;
  logged_at_ = now;
}

int LoadMonitor::RetryAfterSeconds() const {
  constexpr double kLongest = 60;
  return static_cast<int>(std::ceil(std::clamp(1 / std::max(ended_per_s_, 1 / kLongest), 1.0, kLongest)));
}

void LoadMonitor::Log(const engine::EngineStats& stats, double seconds) {
  const auto per_second = [seconds](uint64_t now, uint64_t before) {
    return static_cast<double>(now - before) / seconds;
  };
  const uint64_t num_queried = stats.prefix_query_tokens - logged_.prefix_query_tokens;
  const uint64_t num_hit = stats.prefix_hit_tokens - logged_.prefix_hit_tokens;
  const uint64_t num_steps = stats.num_steps - logged_.num_steps;
  LogInfo(
      "load prompt_tok_s={:.1f} generation_tok_s={:.1f} running={} waiting={} kv_usage_percent={:.1f} "
      "prefix_hit_percent={:.1f} preemptions={} tokens_per_step={:.1f}",
      per_second(stats.num_prompt_tokens, logged_.num_prompt_tokens),
      per_second(stats.num_output_tokens, logged_.num_output_tokens), stats.num_running, stats.num_waiting,
      100.0 * static_cast<double>(stats.num_pages - stats.num_free_pages) /
          static_cast<double>(std::max<int64_t>(stats.num_pages, 1)),
      num_queried == 0 ? 0.0 : 100.0 * static_cast<double>(num_hit) / static_cast<double>(num_queried),
      stats.num_preemptions - logged_.num_preemptions,
      static_cast<double>(stats.num_computed_tokens - logged_.num_computed_tokens) /
          static_cast<double>(std::max<uint64_t>(num_steps, 1)));
}

}  // namespace tenfold::server
