#include "tenfold/engine/request_check.h"

#include "tenfold/cache/page_table.h"
#include "tenfold/engine/sequence.h"
#include "tenfold/scheduler/policies.h"

namespace tenfold::engine {
namespace {

Status CheckEmbedding(const sampling::SamplingParams& params) {
  if (params.n == 1 && !params.use_beam_search && !params.num_prompt_logprobs) return {};
  return MakeError(ErrorCode::kInvalidArgument,
                   "an embedding is one vector: n must be 1, without use_beam_search and prompt_logprobs");
}

// Beams go on only together, so all must fit at their longest, as if they shared nothing.
Status CheckBeams(const Request& request, int64_t max_num_tokens, const EngineLimits& limits) {
  const int beam_width = request.sampling.beam_width;
  if (beam_width > limits.options.max_num_seqs) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the beam width is {}, but at most {} sequences run at once (--max-num-seqs)", beam_width,
                     limits.options.max_num_seqs);
  }
  const int64_t num_pages = beam_width * cache::NumPagesFor(max_num_tokens, limits.options.page_size);
  if (num_pages <= limits.kv_plan.num_pages) return {};
  return MakeError(
      ErrorCode::kInvalidArgument,
      "{} beams of {} tokens may need {} pages of keys and values, but there are {}: lower max_tokens or the "
      "beam width, or raise --kv-cache-memory",
      beam_width, max_num_tokens, num_pages, limits.kv_plan.num_pages);
}

}  // namespace

Status CheckRequest(const Request& request, const EngineLimits& limits) {
  RETURN_IF_ERROR(sampling::Validate(request.sampling, limits.vocab_size));
  if (request.pooling) RETURN_IF_ERROR(CheckEmbedding(request.sampling));
  if (request.prompt.empty())
    return MakeError(ErrorCode::kInvalidArgument, "the prompt is empty: it needs at least one token");
  const auto num_tokens = static_cast<int64_t>(request.prompt.size());
  const bool wants_output = !request.pooling && request.sampling.max_tokens != 0;
  const int64_t room_for_output = wants_output ? 1 : 0;
  if (num_tokens + room_for_output > limits.kv_plan.max_model_len) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the prompt has {} tokens, but the context holds {} together with the output; shorten it",
                     num_tokens, limits.kv_plan.max_model_len);
  }
  for (const TokenId token : request.prompt) {
    if (token < 0 || token >= limits.vocab_size) {
      return MakeError(ErrorCode::kInvalidArgument, "the prompt holds token {}, outside the vocabulary of {}", token,
                       limits.vocab_size);
    }
  }
  if (request.priority != 0 && !scheduler::FindPolicy(limits.options.scheduling_policy)->is_by_priority) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "priority is {}, but this server goes by arrival (--scheduling-policy priority goes by it)",
                     request.priority);
  }
  if (request.sampling.n > limits.options.max_num_seqs) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "n or best_of is {}, but at most {} sequences run at once (--max-num-seqs)", request.sampling.n,
                     limits.options.max_num_seqs);
  }
  const int64_t max_num_tokens = MaxNumTokens(request, limits.kv_plan.max_model_len);
  if (request.sampling.use_beam_search) RETURN_IF_ERROR(CheckBeams(request, max_num_tokens, limits));
  return limits.policy.CheckFits(
      {.num_tokens = num_tokens,
       .max_num_tokens = max_num_tokens,
       .final_num_tokens = max_num_tokens,
       .num_seats = request.sampling.use_beam_search ? request.sampling.beam_width : request.sampling.n});
}

}  // namespace tenfold::engine
