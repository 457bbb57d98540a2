// LossCurve: the losses of a run over its steps, and how they are drawn: an SVG picture with axes, the training loss as
// it was and smoothed, and the validation losses as points. A function of its input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tenfold::training {

struct LossCurve {
  struct Point {
    int64_t step = 0;
    double loss = 0;
  };
  std::vector<Point> training;  // ascending steps
  std::vector<Point> validation;
};

// Of any length: lines have at most as many points as the picture has columns. `num_steps` is where the axis ends.
std::string DrawLossCurve(const LossCurve& curve, int64_t num_steps, std::string_view title);

// The values at which an axis over [low, high] is labelled: about five, multiples of 1, 2 or 5 times a power of ten.
std::vector<double> AxisTicks(double low, double high);

}  // namespace tenfold::training
