#include "tenfold/bench/measurement.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tenfold/bench/stopwatch.h"

namespace tenfold::bench {
namespace {

// Long against a thread's waking up and the clock's step, short against the machine's moods.
constexpr double kSampleSeconds = 4e-3;

struct LimitSample {
  double operations_per_s = 0;
  double bytes_per_s = 0;
};

LimitSample SampleLimits(LimitMeter& meter, const Work& work) {
  return {.operations_per_s = work.operations > 0 ? meter.OperationsPerSecond(work.arithmetic) : 1,
          .bytes_per_s = meter.BytesPerSecond(work.memory)};
}

Timing TimeRuns(const LimitMeter& meter, const std::function<void()>& run, int num_runs, int max_tries) {
  const auto runs = [&] {
    for (int i = 0; i < num_runs; ++i) run();
  };
  Timing timing = TimeUndisturbed(meter.num_threads(), runs, max_tries);
  timing.seconds /= num_runs;
  return timing;
}

int RunsPerSample(const LimitMeter& meter, const std::function<void()>& run) {
  return std::max(1, static_cast<int>(std::ceil(kSampleSeconds / TimeRuns(meter, run, 1, kTries).seconds)));
}

}  // namespace

Measurement Measure(LimitMeter& meter, const Work& work, const Sampling& sampling, const std::function<void()>& run) {
  run();
  const int num_runs = sampling.runs_per_sample > 0 ? sampling.runs_per_sample : RunsPerSample(meter, run);
  std::vector<double> seconds, of_compute, of_bandwidth;
  int num_disturbed = 0;
  LimitSample before = SampleLimits(meter, work);
  for (int i = 0; i < sampling.num_samples; ++i) {
    const Timing timing = TimeRuns(meter, run, num_runs, sampling.runs_per_sample > 0 ? 1 : kTries);
    seconds.push_back(timing.seconds);
    if (timing.is_disturbed) ++num_disturbed;
    const LimitSample after = SampleLimits(meter, work);
    of_compute.push_back(work.operations / seconds.back() * 2 / (before.operations_per_s + after.operations_per_s));
    of_bandwidth.push_back(work.bytes / seconds.back() * 2 / (before.bytes_per_s + after.bytes_per_s));
    before = after;
  }
  return {.work = work,
          .num_samples = sampling.num_samples,
          .num_disturbed = num_disturbed,
          .seconds = SpreadOf(seconds),
          .of_compute = Quantile(of_compute, 0.5),
          .of_bandwidth = Quantile(of_bandwidth, 0.5)};
}

double Rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return value;
  const double unit = std::pow(10.0, std::floor(std::log10(std::abs(value))) - 3);
  return unit < 1 ? std::round(value / unit) / std::round(1 / unit) : std::round(value / unit) * unit;
}

void AddFigures(const Measurement& measured, json::object& line) {
  line["median_us"] = Rounded(measured.seconds.median * 1e6);
  line["p10_us"] = Rounded(measured.seconds.p10 * 1e6);
  line["p90_us"] = Rounded(measured.seconds.p90 * 1e6);
  line["samples"] = measured.num_samples;
  line["disturbed_samples"] = measured.num_disturbed;
  if (measured.work.operations > 0) {
    line["gop_s"] = Rounded(measured.operations_per_s() * 1e-9);
    line["percent_of_compute"] = Rounded(measured.of_compute * 100);
  }
  line["gb_s"] = Rounded(measured.bytes_per_s() * 1e-9);
  line["percent_of_bandwidth"] = Rounded(measured.of_bandwidth * 100);
  line["limit"] = measured.limit();
  line["percent_of_limit"] = Rounded(measured.of_limit() * 100);
}

}  // namespace tenfold::bench
