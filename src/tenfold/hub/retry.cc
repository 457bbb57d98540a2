#include "tenfold/hub/retry.h"

#include <algorithm>
#include <thread>

#include "tenfold/base/logging.h"

namespace tenfold::hub {

using std::chrono::milliseconds;

std::optional<milliseconds> WaitBeforeRetry(const Failure& failure, int num_failed, int max_attempts) {
  if (!failure.is_transient || num_failed >= max_attempts) return std::nullopt;
  const milliseconds doubled(500 << (num_failed - 1));
  if (!failure.retry_after_s) return doubled;
  if (*failure.retry_after_s > kLongestWait.count()) return std::nullopt;
  return std::max(doubled, milliseconds(1000 * *failure.retry_after_s));
}

bool WaitToRetry(const Failure& failure, int num_failed, int max_attempts) {
  const auto wait = WaitBeforeRetry(failure, num_failed, max_attempts);
  if (!wait) return false;
  LogWarning("{}; trying again in {:.1f} s ({} of {})", failure.error.message,
             std::chrono::duration<double>(*wait).count(), num_failed + 1, max_attempts);
  std::this_thread::sleep_for(*wait);
  return true;
}

}  // namespace tenfold::hub
