// `tenfold bench paper NAME`: a paper's comparison with what came before it, made again with the policies of this
// engine: replayed on the paper's machine under a virtual clock, and for real on this one (engine_replay.h). Prints the
// paper's figure beside both.
//
// Every gain by batching is bounded by R, the number of sequences that decode in the time of one: some hundred on the
// papers' GPUs, some ten here with 32-bit weights. R is measured first. Where it is below kLeastR the comparison on
// this machine says nothing, and is left out with that remark.
#pragma once

#include <optional>
#include <string_view>

#include "tenfold/base/result.h"
#include "tenfold/bench/engine_replay.h"
#include "tenfold/bench/report.h"

namespace tenfold::bench {

inline constexpr double kLeastR = 8;

struct PaperBench {
  Report* report;
  const Machine* machine = nullptr;  // null: the replay only
  bool quick = false;                // fewer requests and probes on this machine
};

Status BenchPagedAttention(const PaperBench& bench);
Status BenchOrca(const PaperBench& bench);
Status BenchSarathi(const PaperBench& bench);
Status BenchRadixAttention(const PaperBench& bench);

// ---- What the four share

// One figure: what the paper says, what the replay and this machine say. Absent ones show as "-".
void AddFigure(const PaperBench& bench, std::string_view paper, std::string_view figure, std::string_view of_paper,
               std::optional<double> replayed, std::optional<double> here);
void AddFigureHead(const PaperBench& bench);

// Measures R and prints it. False when there is no machine, or R is too small to go on.
Result<bool> CanMeasureHere(const PaperBench& bench, int64_t context, MeasuredCost& cost);

}  // namespace tenfold::bench
