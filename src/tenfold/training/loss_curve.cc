#include "tenfold/training/loss_curve.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace tenfold::training {
namespace {

using Point = LossCurve::Point;

constexpr double kWidth = 860, kHeight = 420;
constexpr double kLeft = 64, kRight = 24, kTop = 48, kBottom = 48;
constexpr double kPlotWidth = kWidth - kLeft - kRight, kPlotHeight = kHeight - kTop - kBottom;

// The mean of the latest losses, each step counting 1/20 less than the one after it; the start is no part of it
// (Adam's correction of the bias).
std::vector<Point> Smoothed(const std::vector<Point>& points) {
  constexpr double kKept = 0.95;
  std::vector<Point> smoothed;
  smoothed.reserve(points.size());
  double sum = 0, weight = 0;
  for (const Point& point : points) {
    sum = kKept * sum + (1 - kKept) * point.loss;
    weight = kKept * weight + (1 - kKept);
    smoothed.push_back({point.step, sum / weight});
  }
  return smoothed;
}

// At most one point for each column of the picture: the mean of those that fall into it.
std::vector<Point> Thinned(const std::vector<Point>& points) {
  const auto most = static_cast<size_t>(kPlotWidth);
  if (points.size() <= most) return points;
  std::vector<Point> thinned;
  for (size_t i = 0; i < most; ++i) {
    const size_t begin = i * points.size() / most, end = (i + 1) * points.size() / most;
    double sum = 0;
    for (size_t j = begin; j < end; ++j) sum += points[j].loss;
    thinned.push_back({points[(begin + end) / 2].step, sum / static_cast<double>(end - begin)});
  }
  return thinned;
}

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<' || c == '&') {
      escaped += c == '<' ? "&lt;" : "&amp;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

class Plot {
 public:
  Plot(double last_step, double low, double high) : last_step_(last_step), low_(low), high_(high) {}

  double X(double step) const { return kLeft + kPlotWidth * step / last_step_; }
  double Y(double loss) const {
    return kTop + kPlotHeight * (1 - (std::clamp(loss, low_, high_) - low_) / (high_ - low_));
  }

  std::string Axes() const {
    std::string svg;
    for (const double loss : AxisTicks(low_, high_)) {
      svg += fmt::format(
          "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n"
          "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.4g}</text>\n",
          kLeft, kWidth - kRight, Y(loss), Y(loss), kLeft - 8, Y(loss) + 4, loss);
    }
    for (const double step : AxisTicks(0, last_step_)) {
      svg += fmt::format(
          "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#888\"/>\n"
          "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.10g}</text>\n",
          X(step), X(step), kTop + kPlotHeight, kTop + kPlotHeight + 5, X(step), kTop + kPlotHeight + 20, step);
    }
    svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#888\"/>\n", kLeft,
                       kTop, kPlotWidth, kPlotHeight);
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">step</text>\n", kLeft + kPlotWidth / 2,
                       kHeight - 8);
    svg += fmt::format(
        "<text x=\"16\" y=\"{0:.1f}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {0:.1f})\">nats per "
        "token</text>\n",
        kTop + kPlotHeight / 2);
    return svg;
  }

  std::string Line(const std::vector<Point>& points, const char* style) const {
    if (points.empty()) return {};
    std::string svg = "<polyline fill=\"none\" points=\"";
    for (const Point& point : points) {
      svg += fmt::format("{:.1f},{:.1f} ", X(static_cast<double>(point.step)), Y(point.loss));
    }
    svg.back() = '"';
    return svg + fmt::format(" {}/>\n", style);
  }

  std::string Dots(const std::vector<Point>& points, const char* colour) const {
    std::string svg;
    for (const Point& point : points) {
      svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n",
                         X(static_cast<double>(point.step)), Y(point.loss), colour);
    }
    return svg;
  }

 private:
  double last_step_, low_, high_;
};

}  // namespace

std::vector<double> AxisTicks(double low, double high) {
  const double rough = (high - low) / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * 0.999) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  for (auto i = static_cast<int64_t>(std::ceil(low / step - 1e-9)); static_cast<double>(i) * step <= high + step * 1e-9;
       ++i) {
    ticks.push_back(static_cast<double>(i) * step);
  }
  return ticks;
}

std::string DrawLossCurve(const LossCurve& curve, int64_t num_steps, std::string_view title) {
  const std::vector<Point> raw = Thinned(curve.training), smoothed = Thinned(Smoothed(curve.training));
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const auto* points : {&smoothed, &curve.validation}) {
    for (const Point& point : *points) {
      low = std::min(low, point.loss);
      high = std::max(high, point.loss);
    }
  }
  if (!(low < high)) {  // nothing, or one value
    low = std::isfinite(low) ? low - 0.5 : 0;
    high = low + 1;
  }
  const double margin = (high - low) * 0.05;
  const Plot plot(static_cast<double>(std::max<int64_t>(num_steps, 1)), low - margin, high + margin);

  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      "<text x=\"{2}\" y=\"26\" font-size=\"15\">{3}</text>\n",
      kWidth, kHeight, kLeft, Escaped(title));
  svg += plot.Axes();
  svg += plot.Line(raw, "stroke=\"#0072b2\" stroke-opacity=\"0.25\"");
  svg += plot.Line(smoothed, "stroke=\"#0072b2\" stroke-width=\"2\"");
  svg += plot.Dots(curve.validation, "#d55e00");
  const double legend = kWidth - kRight - 190;
  svg += fmt::format("<text x=\"{}\" y=\"{}\" fill=\"#0072b2\">training (smoothed)</text>\n", legend, kTop + 20);
  if (!curve.validation.empty()) {
    svg += fmt::format("<text x=\"{}\" y=\"{}\" fill=\"#d55e00\">validation, last {:.4f}</text>\n", legend, kTop + 38,
                       curve.validation.back().loss);
  }
  return svg + "</svg>\n";
}

}  // namespace tenfold::training
