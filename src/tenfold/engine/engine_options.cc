#include "tenfold/engine/engine_options.h"

#include <algorithm>

#include "tenfold/cache/page_table.h"
#include "tenfold/model/runner.h"
#include "tenfold/platform/memory_info.h"
#include "tenfold/scheduler/scheduler.h"

namespace tenfold::engine {
namespace {

// Four times the 16 million that the design asks for.
constexpr int64_t kMostPages = int64_t{1} << 26;

Result<int64_t> NumSwapPages(const EngineOptions& options, size_t page_bytes) {
  if (options.swap_space_bytes == 0) {
    if (options.swap_directory.empty()) return 0;
    return MakeError(ErrorCode::kInvalidArgument, "--swap-dir says where, but not how much: give --swap-space, too");
  }
  if (options.prefix_cache == "none") {
    return MakeError(ErrorCode::kInvalidArgument,
                     "--swap-space needs a prefix cache, which finds what was swapped out: --prefix-cache radix");
  }
  const auto num_pages = static_cast<int64_t>(options.swap_space_bytes / page_bytes);
  if (num_pages >= 1) return std::min(num_pages, kMostPages);
  return MakeError(ErrorCode::kResourceExhausted, "--swap-space: {} bytes do not hold a page of {}",
                   options.swap_space_bytes, page_bytes);
}

}  // namespace

Result<KvCachePlan> PlanKvCache(const EngineOptions& options, const model::ModelConfig& config) {
  const bool lanes_fit =
      options.page_size == 16 || options.page_size == 32 || (options.page_size > 0 && options.page_size % 64 == 0);
  if (!lanes_fit || options.page_size > 4096) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "--block-size {}: pages hold 16, 32, or a multiple of 64 tokens up to 4096", options.page_size);
  }
  if (options.max_model_len < 0 || options.max_model_len > config.context_length) {
    return MakeError(ErrorCode::kInvalidArgument, "--max-model-len {}: the model was made for at most {} tokens",
                     options.max_model_len, config.context_length);
  }
  RETURN_IF_ERROR(scheduler::ValidateLimits({.max_num_batched_tokens = options.max_num_batched_tokens,
                                             .max_num_seqs = options.max_num_seqs,
                                             .page_size = options.page_size,
                                             .watermark_pages = 0}));
  KvCachePlan plan;
  plan.page_bytes = model::KvLayoutOf(config, options.page_size, options.kv_cache_type).page_bytes();
  const int64_t wanted_len = options.max_model_len > 0 ? options.max_model_len : config.context_length;
  const int64_t pages_per_sequence = cache::NumPagesFor(wanted_len, options.page_size);
  const bool given = options.kv_cache_bytes > 0;
  ASSIGN_OR_RETURN(plan.num_swap_pages, NumSwapPages(options, plan.page_bytes));
  size_t available_bytes = platform::AvailableMemoryBytes();
  if (options.swap_directory.empty()) {
    if (options.swap_space_bytes > available_bytes) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "--swap-space: {} MiB were asked for, {} MiB are free; --swap-dir puts it on a disk",
                       options.swap_space_bytes >> 20, available_bytes >> 20);
    }
    available_bytes -= options.swap_space_bytes;
  }
  if (options.kv_cache_bytes > available_bytes) {
    return MakeError(ErrorCode::kResourceExhausted, "--kv-cache-memory: {} MiB were asked for, {} MiB are free{}",
                     options.kv_cache_bytes >> 20, available_bytes >> 20,
                     options.swap_space_bytes > 0 && options.swap_directory.empty() ? " beside --swap-space" : "");
  }
  const size_t bytes =
      given ? options.kv_cache_bytes : static_cast<size_t>(kKvCacheShare * static_cast<double>(available_bytes));
  plan.num_pages = static_cast<int64_t>(bytes / plan.page_bytes);
  if (!given) plan.num_pages = std::min(plan.num_pages, pages_per_sequence * options.max_num_seqs);
  plan.num_pages = std::min(plan.num_pages, kMostPages);
  const int64_t num_tokens = plan.num_pages * options.page_size;
  if (num_tokens < 1 || (options.max_model_len > 0 && num_tokens < wanted_len)) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "{:.1f} MiB for keys and values hold {} tokens of this model, but one sequence may need {}; raise "
                     "--kv-cache-memory or lower --max-model-len",
                     static_cast<double>(bytes) / (1 << 20), num_tokens, wanted_len);
  }
  plan.max_model_len = std::min(wanted_len, num_tokens);
  plan.max_concurrency = static_cast<double>(plan.num_pages) /
                         static_cast<double>(cache::NumPagesFor(plan.max_model_len, options.page_size));
  return plan;
}

}  // namespace tenfold::engine
