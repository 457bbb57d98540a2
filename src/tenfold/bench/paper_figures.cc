#include "tenfold/bench/paper_figures.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include <fmt/format.h>

namespace tenfold::bench {
namespace {

std::string_view Verdict(const Figure& figure) {
  if (figure.mark.bound == 0) return "";
  if (!figure.is_applicable) return "not applicable";
  return figure.mark.Holds(figure.value) ? "holds" : "MISSED";
}

std::string MarkText(const Mark& mark) {
  return mark.bound == 0 ? "" : fmt::format("{} {:.4g}", mark.is_ceiling ? "<=" : ">=", mark.bound);
}

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

}  // namespace

void PaperFigures::Begin(std::string_view way, const std::string& remark, bool marks_apply) {
  way_ = way;
  marks_apply_ = marks_apply;
  report_.Add({{"name", "way"}, {"way", way}, {"remark", remark}}, fmt::format("\n{}: {}\n", way, remark));
  report_.AddText(fmt::format("  {:<54}{:>20}{:>10}{:>10}  {}\n", "", "paper", "here", "mark", ""));
}

void PaperFigures::Add(const std::string& what, const std::string& paper, double value, Mark mark) {
  figures_.push_back({way_, what, paper, value, mark, marks_apply_});
  const Figure& figure = figures_.back();
  report_.Add({{"name", "figure"},
               {"way", way_},
               {"what", what},
               {"paper", paper},
               {"value", Rounded(value)},
               {"mark", MarkText(mark)},
               {"verdict", Verdict(figure)}},
              fmt::format("  {:<54}{:>20}{:>10.3g}{:>10}  {}\n", what, paper, value, MarkText(mark), Verdict(figure)));
}

Status PaperFigures::Draw(const std::string& title, const std::string& path) const {
  constexpr int kRow = 24, kLeft = 430, kBars = 400, kTop = 50;
  double greatest = 1;
  for (const Figure& figure : figures_) greatest = std::max({greatest, figure.value, figure.mark.bound});
  // The root leaves room to see bars of one beside bars of ten.
  const auto width = [&](double value) { return kBars * std::sqrt(value / greatest); };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"960\" height=\"{}\" font-family=\"sans-serif\" "
      "font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"20\" y=\"28\" "
      "font-size=\"16\">{}</text>\n",
      kTop + kRow * static_cast<int>(figures_.size()) + 20, Escaped(title));
  int y = kTop;
  for (const Figure& figure : figures_) {
    const std::string_view colour = figure.way == "replay" ? "#0072b2" : figure.way == "cpu" ? "#56b4e9" : "#e69f00";
    svg += fmt::format("<text x=\"20\" y=\"{}\">{}: {}</text>\n", y + 14, figure.way, Escaped(figure.what));
    svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"16\" fill=\"{}\"/>\n", kLeft, y + 2,
                       width(figure.value), colour);
    if (figure.mark.bound > 0) {
      svg += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\" stroke=\"black\"/>\n",
                         kLeft + width(figure.mark.bound), y, y + 20);
    }
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\">{:.3g}{}</text>\n", kLeft + width(figure.value) + 8, y + 14,
                       figure.value, figure.paper.empty() ? "" : fmt::format("  (paper {})", Escaped(figure.paper)));
    y += kRow;
  }
  std::ofstream file(path);
  file << svg << "</svg>\n";
  file.close();
  if (!file) return MakeError(ErrorCode::kIo, "cannot write {}", path);
  return {};
}

}  // namespace tenfold::bench
