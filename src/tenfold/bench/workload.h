// Workloads of the serving papers: lengths of prompts and outputs, and when requests arrive. A function of its seed.
//
// Lengths are drawn from fits to the papers' traces, which are not public or not at hand; the fits agree in what the
// papers report of them:
//
//   orca           prompts of 32 to 512 tokens, outputs of 1 to 128, uniform (Yu et al., OSDI 2022, section 6.2)
//   sharegpt       conversations, 156 and 329 tokens on average (Kwon et al., SOSP 2023, figure 11)
//   alpaca         instructions, 19 and 59 tokens on average (the same)
//   sarathi-chat   openchat_sharegpt4, medians 1730 and 415 (Agrawal et al., OSDI 2024, table 2)
//   sarathi-arxiv  summaries, medians 7059 and 208 (the same)
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"

namespace tenfold::bench {

struct WorkloadRequest {
  double arrival_s = 0;
  int64_t num_prompt_tokens = 0;     // at least 1
  int64_t num_output_tokens = 0;     // at least 1
  std::vector<TokenId> prompt = {};  // its num_prompt_tokens tokens, where it matters what they are
};

struct WorkloadOptions {
  std::string_view name = "sharegpt";
  int64_t num_requests = 1000;
  double requests_per_s = 1;  // Poisson; scales the gaps, so the same seed gives the same pattern at every rate
  double length_divisor = 1;  // lengths are divided by this, for machines that are slower
  uint64_t seed = 1;
};

std::span<const std::string_view> WorkloadNames();

// The longest request, prompt and output together.
// Errors of both: kInvalidArgument, listing the names.
Result<int64_t> MaxTotalTokens(const WorkloadOptions& options);
// In order of arrival.
Result<std::vector<WorkloadRequest>> MakeWorkload(const WorkloadOptions& options);

}  // namespace tenfold::bench
