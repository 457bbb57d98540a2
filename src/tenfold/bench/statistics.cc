#include "tenfold/bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "tenfold/base/check.h"

namespace tenfold::bench {

double Quantile(std::vector<double> samples, double fraction) {
  CHECK(!samples.empty());
  CHECK(fraction >= 0 && fraction <= 1);
  std::sort(samples.begin(), samples.end());
  const double place = fraction * static_cast<double>(samples.size() - 1);
  const auto below = static_cast<size_t>(std::floor(place));
  const size_t above = std::min(below + 1, samples.size() - 1);
  return samples[below] + (place - static_cast<double>(below)) * (samples[above] - samples[below]);
}

Spread SpreadOf(const std::vector<double>& samples) {
  return {.median = Quantile(samples, 0.5), .p10 = Quantile(samples, 0.1), .p90 = Quantile(samples, 0.9)};
}

Spread Reciprocal(const Spread& spread, double numerator) {
  return {.median = numerator / spread.median, .p10 = numerator / spread.p90, .p90 = numerator / spread.p10};
}

}  // namespace tenfold::bench
