// A one-line progress bar on standard error for anything that takes over a second.
//
// Draws only on a terminal, and only once a second has passed, so that quick work and log files stay clean. Advance may
// be called from several threads.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace tenfold {

// Bytes are shown with their rate and the time that is left.
enum class ProgressUnit { kWork, kBytes };

class ProgressBar {
 public:
  // `total` is in units of work. Of it, `done` was done before.
  ProgressBar(std::string title, uint64_t total, ProgressUnit unit = ProgressUnit::kWork, uint64_t done = 0);
  // Clears the line if anything was drawn.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Advance(uint64_t amount);

 private:
  void Draw(uint64_t done);
  std::string RateAndTimeLeft(uint64_t done, double seconds) const;

  const std::string title_;
  const uint64_t total_;
  const ProgressUnit unit_;
  const uint64_t done_before_;
  const bool is_terminal_;
  const std::chrono::steady_clock::time_point start_;
  std::atomic<uint64_t> done_;
  std::mutex mutex_;  // guards what follows
  std::chrono::steady_clock::time_point last_draw_;
  bool drawn_ = false;
};

}  // namespace tenfold
