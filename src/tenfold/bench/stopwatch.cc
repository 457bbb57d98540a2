#include "tenfold/bench/stopwatch.h"

#include <chrono>
#include <ctime>

namespace tenfold::bench {
namespace {

constexpr double kLongSeconds = 50e-3;
// Waking a thread and handing out the last pieces cost some per cent of a sample of a millisecond.
constexpr double kBusyShare = 0.9;

// Of all threads of the process.
double ProcessorSeconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

Timing TimeOnce(int num_threads, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  const double processor_start = ProcessorSeconds();
  const Clock::time_point start = Clock::now();
  work();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const double busy = ProcessorSeconds() - processor_start;
  return {.seconds = seconds, .is_disturbed = busy < kBusyShare * num_threads * seconds};
}

}  // namespace

Timing TimeUndisturbed(int num_threads, const std::function<void()>& work, int max_tries) {
  Timing fastest = TimeOnce(num_threads, work);
  for (int i = 1; i < max_tries && fastest.is_disturbed && fastest.seconds < kLongSeconds; ++i) {
    const Timing again = TimeOnce(num_threads, work);
    if (!again.is_disturbed) return again;
    if (again.seconds < fastest.seconds) fastest = again;
  }
  return fastest;
}

}  // namespace tenfold::bench
