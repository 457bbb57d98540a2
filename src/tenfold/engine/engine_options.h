// EngineOptions: what can be chosen about an engine, with vLLM's names where vLLM has the same thing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tenfold/base/result.h"
#include "tenfold/kernels/kv_layout.h"
#include "tenfold/model/model_config.h"
#include "tenfold/scheduler/queue_order.h"
#include "tenfold/tensor/data_type.h"

namespace tenfold::engine {

struct EngineOptions {
  int64_t max_model_len = 0;  // prompt and output together, tokens; 0 = the model's context, or what the pages hold
  int64_t max_num_seqs = 128;
  std::string scheduling_policy = "sarathi";  // scheduler/policies.h
  // Tokens per step. A policy that computes prompts whole takes max_model_len if that is more. A prompt's chunk delays
  // everybody's next token by its own time, so a CPU wants fewer than a GPU.
  int64_t max_num_batched_tokens = 256;
  int64_t page_size = 32;                                         // tokens; 16, 32, 64 or a multiple of 64
  tensor::DataType kv_cache_type = kernels::kDefaultKvCacheType;  // F32, F16, BF16 or Q8_0
  size_t kv_cache_bytes = 0;           // 0 = kKvCacheShare of the free memory, see PlanKvCache
  std::string prefix_cache = "radix";  // or "hash", "none": cache/prefix_cache.h
  // Where pages go that the cache must give up, to come back when they are wanted: those of ended requests and of
  // preempted ones. 0: they are computed again. In memory, or in a file without a name in `swap_directory`.
  size_t swap_space_bytes = 0;
  std::string swap_directory = {};
  std::string queue_order = "fcfs";                         // or "lpm", "dfs-weight": scheduler/queue_order.h
  int64_t max_overtaken = scheduler::kDefaultMaxOvertaken;  // by later requests, before a request goes first
  int64_t max_waiting_requests = 4096;                      // beyond these, Submit says "try again later"
  uint64_t seed = 0;                                        // of requests that bring none; 0 = another one each start
};

// The key-value cache that an engine will allocate.
struct KvCachePlan {
  int64_t num_pages = 0;
  int64_t num_swap_pages = 0;
  size_t page_bytes = 0;
  int64_t max_model_len = 0;
  // Sequences of the greatest length that fit at once.
  double max_concurrency = 0;
};

// Of the memory that is free once weights are loaded, this share goes to keys and values: the rest stays for
// activations, the page cache and other programs.
inline constexpr double kKvCacheShare = 0.5;

// Sizes the cache: kv_cache_bytes, or the share above, but then no more than max_num_seqs sequences of the greatest
// length can use. Errors: kInvalidArgument, naming the option; kResourceExhausted when not even one sequence fits, or
// not one page in the swap space.
Result<KvCachePlan> PlanKvCache(const EngineOptions& options, const model::ModelConfig& config);

}  // namespace tenfold::engine
