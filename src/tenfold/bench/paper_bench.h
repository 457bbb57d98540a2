// tenfold bench paper: what a serving paper reports, beside what this program reaches in three ways:
//
//   replay  the paper's machine and lengths, under a virtual clock (replay.h)
//   cpu     this machine's step times, measured, and shorter lengths, under a virtual clock
//   real    the same on the engine and its kernels (engine_replay.h)
//
// The same comparison runs each way; only who serves differs. Gains by batching are bounded by R, how many tokens a
// machine computes in the time of one decode; below 8 the marks of a CPU do not apply, and it says so.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/bench/engine_replay.h"
#include "tenfold/bench/report.h"

namespace tenfold::bench {

struct PaperBenchOptions {
  std::string paper;      // one of PaperNames()
  bool is_quick = false;  // fewer requests and coarser capacities in the real runs
  uint64_t seed = 1;
  std::string svg;  // where to draw, or empty
};

std::span<const std::string_view> PaperNames();

// Without a machine only the first two ways, at R = 16. Errors: kInvalidArgument (an unknown paper), those of running
// the engine, kIo of drawing. A mark that is missed is no error.
Status BenchPaper(const PaperBenchOptions& options, const EngineMachine* machine, Report& report);

}  // namespace tenfold::bench
