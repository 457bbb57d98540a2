#include "tenfold/base/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "tenfold/base/byte_count.h"
#include "tenfold/base/print.h"

namespace tenfold {

using std::chrono::steady_clock;

ProgressBar::ProgressBar(std::string title, uint64_t total, ProgressUnit unit, uint64_t done)
    : title_(std::move(title)),
      total_(std::max<uint64_t>(total, 1)),
      unit_(unit),
      done_before_(done),
      is_terminal_(isatty(STDERR_FILENO) == 1),
      start_(steady_clock::now()),
      done_(done),
      last_draw_(start_) {}

ProgressBar::~ProgressBar() {
  if (drawn_) Print(stderr, "\r\x1b[K");
}

void ProgressBar::Advance(uint64_t amount) {
  const uint64_t done = done_.fetch_add(amount, std::memory_order_relaxed) + amount;
  if (is_terminal_) Draw(done);
}

std::string ProgressBar::RateAndTimeLeft(uint64_t done, double seconds) const {
  const double rate = static_cast<double>(done - done_before_) / seconds;
  if (unit_ != ProgressUnit::kBytes || rate < 1) return {};
  const auto left_s = static_cast<uint64_t>(static_cast<double>(total_ - std::min(done, total_)) / rate);
  return fmt::format("  {}/s  {}:{:02}:{:02} left", FormatSize(static_cast<uint64_t>(rate)), left_s / 3600,
                     left_s / 60 % 60, left_s % 60);
}

void ProgressBar::Draw(uint64_t done) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  const auto now = steady_clock::now();
  if (now - start_ < std::chrono::seconds(1) || now - last_draw_ < std::chrono::milliseconds(100)) return;
  last_draw_ = now;
  drawn_ = true;
  constexpr int kWidth = 32;
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
  const int filled = static_cast<int>(share * kWidth);
  Print(stderr, "\r{} [{}{}] {:3.0f} %{}\x1b[K", title_, std::string(static_cast<size_t>(filled), '#'),
        std::string(static_cast<size_t>(kWidth - filled), '.'), share * 100,
        RateAndTimeLeft(done, std::chrono::duration<double>(now - start_).count()));
  std::fflush(stderr);
}

}  // namespace tenfold
