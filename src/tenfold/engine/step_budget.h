// How many tokens a step may have so that it takes no longer than a given time on this machine: Sarathi-Serve's
// compute_token_budget (Agrawal et al., OSDI 2024, section 4.3), by measuring steps of growing size at start.
//
// Steps are measured with short contexts. Tokens far behind in a long context take longer; leave room for them.
#pragma once

#include <cstdint>

#include "tenfold/base/result.h"
#include "tenfold/engine/engine_options.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/model/model.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::engine {

inline constexpr int64_t kMostStepTokens = 2048;

// The greatest multiple of 16 tokens whose step takes at most `target_s` seconds, between options.max_num_seqs (a step
// must give every sequence its token) and kMostStepTokens. Takes a second or two, no longer than a few steps of that
// time. Errors: those of EngineCore::Create; kInvalidArgument when even the smallest step takes longer, saying how
// long.
Result<int64_t> MeasureStepBudget(const EngineOptions& options, double target_s, const model::Model& model,
                                  const kernels::KernelTable& kernels, platform::ThreadPool& threads);

}  // namespace tenfold::engine
