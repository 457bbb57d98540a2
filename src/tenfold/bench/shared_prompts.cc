#include "tenfold/bench/shared_prompts.h"

#include "tenfold/base/random.h"

namespace tenfold::bench {
namespace {

constexpr TokenId kFirstOwnToken = 1'000'000;  // plus the request's number: nobody else's

}  // namespace

std::vector<WorkloadRequest> OneBeginning(int count, int64_t num_prompt_tokens, int64_t num_shared,
                                          int64_t num_output_tokens) {
  std::vector<WorkloadRequest> requests;
  for (int i = 0; i < count; ++i) {
    WorkloadRequest& request = requests.emplace_back(
        WorkloadRequest{.num_prompt_tokens = num_prompt_tokens, .num_output_tokens = num_output_tokens, .prompt = {}});
    for (int64_t t = 0; t < num_shared; ++t) request.prompt.push_back(static_cast<TokenId>(t));
    request.prompt.resize(static_cast<size_t>(num_prompt_tokens), kFirstOwnToken + i);
  }
  return requests;
}

std::vector<WorkloadRequest> PromptTree(int count, std::array<size_t, 3> ends) {
  std::vector<WorkloadRequest> requests;
  for (int i = 0; i < count; ++i) {
    const auto draw = Philox(1, 2, static_cast<uint64_t>(i));
    WorkloadRequest& request = requests.emplace_back(
        WorkloadRequest{.num_prompt_tokens = static_cast<int64_t>(ends[2]), .num_output_tokens = 16, .prompt = {}});
    request.prompt.resize(ends[0], static_cast<TokenId>(draw[0] % 20));
    request.prompt.resize(ends[1], static_cast<TokenId>(draw[1] % 4));
    request.prompt.resize(ends[2], kFirstOwnToken + i);
  }
  return requests;
}

}  // namespace tenfold::bench
