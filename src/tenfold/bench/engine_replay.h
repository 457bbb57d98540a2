// ReplayOnEngine: a workload through the real engine and its kernels, on a clock of its own: it advances by what each
// step took and jumps over the time when there is nothing to do. What is scheduled when is as in a server in front of
// which requests arrive at their times; nothing waits. No HTTP, no text.
//
// A step's time is the processor time of all threads, shared out over them, so that other programs on the machine
// disturb it little: with one thread it is exact, with more it counts the time when a thread spins for another one.
// Compare runs that were taken by turns all the same.
#pragma once

#include <span>

#include "tenfold/base/result.h"
#include "tenfold/bench/replay.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/model/model.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::bench {

struct EngineMachine {
  const model::Model& model;
  const kernels::KernelTable& kernels;
  platform::ThreadPool& threads;
};

// `options.cost` is not used; keys and values are F32. Prompts without tokens of their own get some that nobody shares.
// Errors: those of Replay, and of EngineCore::Create.
Result<ReplayResult> ReplayOnEngine(const ReplayOptions& options, std::span<const WorkloadRequest> requests,
                                    const EngineMachine& machine);

// The formula's constants, fitted to steps of this machine: a decode alone, a prompt's marginal token, and a decode
// behind many tokens.
Result<StepCost> MeasureStepCost(const EngineMachine& machine);

}  // namespace tenfold::bench
