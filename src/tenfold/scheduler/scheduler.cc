#include "tenfold/scheduler/scheduler.h"

#include <initializer_list>
#include <string_view>
#include <utility>

namespace tenfold::scheduler {

Status ValidateLimits(const SchedulerLimits& limits) {
  const std::initializer_list<std::pair<std::string_view, int64_t>> positive = {
      {"--max-num-batched-tokens", limits.max_num_batched_tokens},
      {"--max-num-seqs", limits.max_num_seqs},
      {"--block-size", limits.page_size},
  };
  for (const auto& [option, value] : positive) {
    if (value < 1) return MakeError(ErrorCode::kInvalidArgument, "{} is {}, but must be at least 1", option, value);
  }
  if (limits.watermark_pages < 0) {
    return MakeError(ErrorCode::kInvalidArgument, "the watermark is {} pages, but must not be negative",
                     limits.watermark_pages);
  }
  if (limits.max_num_batched_tokens < limits.max_num_seqs) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "--max-num-batched-tokens is {}, too little to give each of --max-num-seqs {} sequences its token "
                     "in a step: raise the first or lower the second",
                     limits.max_num_batched_tokens, limits.max_num_seqs);
  }
  return {};
}

}  // namespace tenfold::scheduler
