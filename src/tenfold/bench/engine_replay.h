// ReplayOnEngine: a workload through the real engine and its kernels, on this machine. The clock advances by the time
// that each step takes and jumps to the next arrival when there is nothing to do: what is scheduled when is as in real
// time, without the waiting. No HTTP, no text.
//
// Times are this machine's, so results vary from run to run; compare runs that were taken by turns.
#pragma once

#include <span>

#include "tenfold/base/result.h"
#include "tenfold/bench/replay.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/model/model.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::bench {

struct Machine {
  const model::Model* model;
  const kernels::KernelTable* kernels;
  platform::ThreadPool* threads;
};

// `options.cost` is not used. Prompts without tokens of their own get some that nobody shares. Errors: those of Replay,
// and of EngineCore::Create.
Result<ReplayResult> ReplayOnEngine(const ReplayOptions& options, std::span<const WorkloadRequest> requests,
                                    const Machine& machine);

// Of this machine and model, seconds.
struct MeasuredCost {
  double decode_s = 0;          // a step of one sequence behind `context` tokens
  double marginal_token_s = 0;  // one token more in a prompt's chunk
  double batch_for_free() const { return decode_s / marginal_token_s; }  // R
};
Result<MeasuredCost> MeasureCost(const Machine& machine, int64_t context);

}  // namespace tenfold::bench
