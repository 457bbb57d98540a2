// One of the ways in which a paper's comparison runs (paper_bench.h): a machine, lengths, and who serves.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/bench/engine_replay.h"
#include "tenfold/bench/paper_figures.h"
#include "tenfold/bench/replay.h"
#include "tenfold/bench/workload.h"

namespace tenfold::bench {

struct Way {
  std::string name;
  StepCost cost;                           // of the machine; for a real one, what was measured of it
  const EngineMachine* machine = nullptr;  // null: replayed
  bool is_paper_scale = false;             // the paper's machine and lengths; else shorter ones
  int64_t num_requests = 1000;
  double precision = 1.025;  // of capacities
  uint64_t seed = 1;

  double batch_for_free() const { return cost.batch_for_free(); }
  bool is_real() const { return machine != nullptr; }

  // Options come from the comparison itself, so that what cannot be served is a bug of ours.
  ReplayResult Serve(ReplayOptions options, std::span<const WorkloadRequest> requests) const;
  ReplayResult ServeReplayed(ReplayOptions options, std::span<const WorkloadRequest> requests) const;

  // The greatest rate at which `holds`. A real one is looked for around the replayed one, with fewer requests: replays
  // cost nothing.
  double Capacity(const ReplayOptions& options, WorkloadOptions workload,
                  const std::function<bool(const ReplayResult&)>& holds) const;
};

void ComparePagedAttention(const Way& way, PaperFigures& figures);
void CompareOrca(const Way& way, PaperFigures& figures);
void CompareSarathi(const Way& way, PaperFigures& figures);
void CompareRadixAttention(const Way& way, PaperFigures& figures);

// Decode attention of many sequences over pages of 16 tokens in random order, as a multiple of the time with each
// sequence's pages in a row: median of runs by turns.
Result<double> MeasurePagingCost(const kernels::KernelTable& kernels, platform::ThreadPool& threads);

}  // namespace tenfold::bench
