// Times a piece of work, again and again, and judges each time by the machine's limits just before and just after.
//
// The limits move (machine_limits.h); the ratio of a time to its neighbours' limits hardly does. What is reported as a
// share of a limit is therefore the median of the ratios, never a ratio of medians.
#pragma once

#include <functional>
#include <string_view>

#include "tenfold/base/json.h"
#include "tenfold/bench/machine_limits.h"
#include "tenfold/bench/statistics.h"

namespace tenfold::bench {

// What one run does.
struct Work {
  double operations = 0;  // 0: of no interest
  double bytes = 0;       // read and written, each datum once
  Arithmetic arithmetic = Arithmetic::kF32;
  Memory memory = Memory::kDram;
};

struct Measurement {
  Work work;
  int num_samples = 0;
  int num_disturbed = 0;    // samples during which a core was taken away, however often they were tried (stopwatch.h)
  Spread seconds;           // of one run
  double of_compute = 0;    // share of the arithmetic's peak rate, 1 = all of it
  double of_bandwidth = 0;  // share of the memory's read bandwidth

  double operations_per_s() const { return work.operations / seconds.median; }
  double bytes_per_s() const { return work.bytes / seconds.median; }
  // The limit that binds is the one of which more is used.
  bool is_compute_bound() const { return of_compute > of_bandwidth; }
  double of_limit() const { return is_compute_bound() ? of_compute : of_bandwidth; }
  std::string_view limit() const { return is_compute_bound() ? Name(work.arithmetic) : Name(work.memory); }
};

struct Sampling {
  int num_samples = 9;
  // Runs in a sample; 0 = as many as make it long enough for the clock. Samples of a given size are each taken once:
  // they are compared with other programs, which get no second try when they are disturbed.
  int runs_per_sample = 0;
};

// `run` is called once before the first sample, to warm up.
Measurement Measure(LimitMeter& meter, const Work& work, const Sampling& sampling, const std::function<void()>& run);

// The fields of a JSON line that every measurement has: median_us, p10_us, p90_us, samples,
// disturbed_samples, gop_s, gb_s, percent_of_compute, percent_of_bandwidth, limit, percent_of_limit.
void AddFigures(const Measurement& measured, json::object& line);

// To four digits: more than a measurement on a shared machine is worth.
double Rounded(double value);

}  // namespace tenfold::bench
