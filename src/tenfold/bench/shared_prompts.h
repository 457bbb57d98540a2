// Requests whose prompts begin alike, all there from the beginning: for what a prefix cache is worth.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tenfold/bench/workload.h"

namespace tenfold::bench {

// The first `num_shared` of `num_prompt_tokens` are the same for all, the others nobody else's.
std::vector<WorkloadRequest> OneBeginning(int count, int64_t num_prompt_tokens, int64_t num_shared,
                                          int64_t num_output_tokens);

// In random order: 20 beginnings up to ends[0], each going on in 4 ways up to ends[1], then tokens of their own up to
// ends[2]; 16 tokens out.
std::vector<WorkloadRequest> PromptTree(int count, std::array<size_t, 3> ends);

}  // namespace tenfold::bench
