// What repeated measurements say: the middle and the spread. Benchmarks never report a mean: one stolen core would move
// it.
#pragma once

#include <vector>

namespace tenfold::bench {

struct Spread {
  double median = 0;
  double p10 = 0;
  double p90 = 0;
};

// The value below which `fraction` of the samples lie, interpolated between neighbours: 0 the least, 1 the greatest.
double Quantile(std::vector<double> samples, double fraction);

// At least one sample.
Spread SpreadOf(const std::vector<double>& samples);

// Of quantities whose reciprocal was measured: seconds per token to tokens per second. p10 stays the lower end.
Spread Reciprocal(const Spread& spread, double numerator);

}  // namespace tenfold::bench
