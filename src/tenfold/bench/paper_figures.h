// Figures of a comparison as they come: the paper's beside ours, and the mark that ours must reach.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/bench/report.h"

namespace tenfold::bench {

struct Mark {
  double bound = 0;  // 0: none
  bool is_ceiling = false;

  bool Holds(double value) const { return bound == 0 || (is_ceiling ? value <= bound : value >= bound); }
};
constexpr Mark AtLeast(double bound) {
  return {bound, false};
}
constexpr Mark AtMost(double bound) {
  return {bound, true};
}

struct Figure {
  std::string way;  // replay, cpu, real
  std::string what;
  std::string paper;  // what the paper reports, in its words
  double value = 0;
  Mark mark;
  bool is_applicable = true;
};

class PaperFigures {
 public:
  explicit PaperFigures(Report& report) : report_(report) {}

  void Begin(std::string_view way, const std::string& remark, bool marks_apply);
  void Add(const std::string& what, const std::string& paper, double value, Mark mark = {});
  // A bar for each figure, those of a kind below each other. Errors: kIo.
  Status Draw(const std::string& title, const std::string& path) const;

 private:
  Report& report_;
  std::string way_;
  bool marks_apply_ = true;
  std::vector<Figure> figures_;
};

}  // namespace tenfold::bench
