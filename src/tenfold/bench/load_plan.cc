#include "tenfold/bench/load_plan.h"

#include <cmath>
#include <random>

#include "tenfold/base/hash.h"
#include "tenfold/bench/workload.h"

namespace tenfold::bench {
namespace {

class Draws {
 public:
  // Draws of different streams have nothing to do with each other.
  Draws(const LoadPlanOptions& options, uint64_t stream)
      : options_(options),
        generator_(Hash64({}, 2 * options.seed + stream)),
        gaps_(options.burstiness, 1 / options.burstiness) {}

  std::vector<TokenId> Tokens(int64_t count) {
    std::uniform_int_distribution<TokenId> token(options_.token_range.first, options_.token_range.second);
    std::vector<TokenId> tokens(static_cast<size_t>(count));
    for (TokenId& t : tokens) t = token(generator_);
    return tokens;
  }

  size_t Below(int64_t count) {
    return static_cast<size_t>(std::uniform_int_distribution<int64_t>(0, count - 1)(generator_));
  }

  double NextArrival() {
    if (!std::isinf(options_.request_rate)) now_s_ += gaps_(generator_) / options_.request_rate;
    return now_s_;
  }

 private:
  const LoadPlanOptions& options_;
  std::mt19937_64 generator_;
  std::gamma_distribution<double> gaps_;  // mean 1
  double now_s_ = 0;
};

// Tokens that the same requests get whatever the arrivals are.
std::vector<Turn> MakeTurns(const LoadPlanOptions& options, const std::vector<std::vector<TokenId>>& prefixes,
                            Draws& draws) {
  const int64_t num_turns = options.workload == "chat" ? options.num_turns : 1;
  std::vector<Turn> turns;
  for (int64_t i = 0; i < num_turns; ++i) {
    std::vector<TokenId> tokens;
    if (i == 0 && !prefixes.empty()) tokens = prefixes[draws.Below(static_cast<int64_t>(prefixes.size()))];
    const std::vector<TokenId> own = draws.Tokens(options.input_len);
    tokens.insert(tokens.end(), own.begin(), own.end());
    turns.push_back({std::move(tokens), options.output_len});
  }
  return turns;
}

Status Check(const LoadPlanOptions& options) {
  const auto check = [](const char* name, auto value) -> Status {
    if (value >= 1) return {};
    return MakeError(ErrorCode::kInvalidArgument, "{} is {}, but must be at least 1", name, value);
  };
  RETURN_IF_ERROR(check("the number of prompts", options.num_prompts));
  RETURN_IF_ERROR(check("the input length", options.input_len));
  RETURN_IF_ERROR(check("the output length", options.output_len));
  RETURN_IF_ERROR(check("the number of prefixes", options.num_prefixes));
  RETURN_IF_ERROR(check("the number of turns", options.num_turns));
  if (!(options.request_rate > 0) || !(options.burstiness > 0)) {
    return MakeError(ErrorCode::kInvalidArgument, "request rate {} and burstiness {} must be above 0",
                     options.request_rate, options.burstiness);
  }
  if (options.token_range.first < 0 || options.token_range.second < options.token_range.first) {
    return MakeError(ErrorCode::kInvalidArgument, "token ids from {} to {} are no range", options.token_range.first,
                     options.token_range.second);
  }
  return {};
}

}  // namespace

std::vector<std::string> LoadWorkloadNames() {
  std::vector<std::string> names = {"random", "prefix", "chat"};
  for (const std::string_view name : WorkloadNames()) names.emplace_back(name);
  return names;
}

Result<std::vector<Conversation>> MakeLoadPlan(const LoadPlanOptions& options) {
  RETURN_IF_ERROR(Check(options));
  Draws draws(options, 0);
  Draws arrivals(options, 1);
  std::vector<Conversation> plan;
  if (options.workload == "random" || options.workload == "prefix" || options.workload == "chat") {
    std::vector<std::vector<TokenId>> prefixes;
    const int64_t num_prefixes = options.workload == "random" ? 0
                                 : options.workload == "chat" ? 1
                                                              : options.num_prefixes;
    for (int64_t i = 0; i < num_prefixes; ++i) prefixes.push_back(draws.Tokens(options.prefix_len));
    for (int64_t num_requests = 0; num_requests < options.num_prompts;) {
      plan.push_back({arrivals.NextArrival(), MakeTurns(options, prefixes, draws)});
      num_requests += static_cast<int64_t>(plan.back().turns.size());
    }
    return plan;
  }
  ASSIGN_OR_RETURN(const std::vector<WorkloadRequest> requests, MakeWorkload({.name = options.workload,
                                                                              .num_requests = options.num_prompts,
                                                                              .length_divisor = options.length_divisor,
                                                                              .seed = options.seed}));
  for (const WorkloadRequest& request : requests) {
    plan.push_back({arrivals.NextArrival(), {{draws.Tokens(request.num_prompt_tokens), request.num_output_tokens}}});
  }
  return plan;
}

}  // namespace tenfold::bench
