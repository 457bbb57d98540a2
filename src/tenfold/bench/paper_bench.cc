#include "tenfold/bench/paper_bench.h"

#include <fmt/format.h>

namespace tenfold::bench {
namespace {

std::string Text(std::optional<double> value) {
  return value ? fmt::format("{:.3g}", *value) : "-";
}

json::value Number(std::optional<double> value) {
  return value ? json::value(*value) : json::value(nullptr);
}

}  // namespace

void AddFigureHead(const PaperBench& bench) {
  bench.report->AddText(fmt::format("{:<56}{:>14}{:>12}{:>12}\n", "", "paper", "replayed", "here"));
}

void AddFigure(const PaperBench& bench, std::string_view paper, std::string_view figure, std::string_view of_paper,
               std::optional<double> replayed, std::optional<double> here) {
  bench.report->Add({{"name", paper},
                     {"figure", figure},
                     {"paper", of_paper},
                     {"replayed", Number(replayed)},
                     {"here", Number(here)}},
                    fmt::format("{:<56}{:>14}{:>12}{:>12}\n", figure, of_paper, Text(replayed), Text(here)));
}

Result<bool> CanMeasureHere(const PaperBench& bench, int64_t context, MeasuredCost& cost) {
  if (bench.machine == nullptr) {
    bench.report->AddText("Without a model nothing is measured on this machine: give one with 32-bit weights.\n");
    return false;
  }
  ASSIGN_OR_RETURN(cost, MeasureCost(*bench.machine, context));
  const double r = cost.batch_for_free();
  bench.report->Add(
      {{"name", "cost"}, {"decode_s", cost.decode_s}, {"marginal_token_s", cost.marginal_token_s}, {"r", r}},
      fmt::format("Here: a step of one sequence takes {}, one token more {}: R = {:.1f}\n",
                  FormatSeconds(cost.decode_s), FormatSeconds(cost.marginal_token_s), r));
  if (r >= kLeastR) return true;
  bench.report->AddText(
      fmt::format("R is below {}: batching gains little here, whatever the policy. Not applicable.\n", kLeastR));
  return false;
}

}  // namespace tenfold::bench
