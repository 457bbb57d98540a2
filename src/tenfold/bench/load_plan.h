// LoadPlan: what a load generator asks of a server, and when. A function of its options and seed.
//
// A conversation is a client's requests one after the other; each prompt is all that was said before and something new.
// Most workloads have conversations of one turn.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"

namespace tenfold::bench {

struct Turn {
  std::vector<TokenId> new_tokens;  // of the prompt, after what was said before
  int64_t num_output_tokens = 1;
};

struct Conversation {
  double arrival_s = 0;  // of its first turn, after the start
  std::vector<Turn> turns;
};

struct LoadPlanOptions {
  // One of workload.h's (lengths of a paper's trace), or:
  //   random  every prompt of input_len tokens, every output of output_len
  //   prefix  the same, after one of num_prefixes beginnings of prefix_len tokens
  //   chat    conversations of num_turns turns, each input_len new tokens and output_len of output, after a common
  //   system
  //           prompt of prefix_len tokens
  std::string workload = "random";
  int64_t num_prompts = 100;  // requests; conversations come whole
  double length_divisor = 1;  // of a paper's lengths
  int64_t input_len = 512;
  int64_t output_len = 128;
  int64_t num_prefixes = 1;
  int64_t prefix_len = 256;
  int64_t num_turns = 4;
  // Requests a second on average; infinity = all at once. Gaps have a gamma distribution of this shape: 1 = Poisson,
  // less = burstier, more = more regular.
  double request_rate = std::numeric_limits<double>::infinity();
  double burstiness = 1;
  std::pair<TokenId, TokenId> token_range = {300, 499};  // prompts are drawn from these ids
  uint64_t seed = 1;
};

// The names that LoadPlanOptions::workload may have.
std::vector<std::string> LoadWorkloadNames();

// In order of arrival. Errors: kInvalidArgument, naming what is wrong.
Result<std::vector<Conversation>> MakeLoadPlan(const LoadPlanOptions& options);

}  // namespace tenfold::bench
