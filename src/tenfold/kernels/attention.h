// Paged attention of a whole batch on all threads: stores the new keys and values, then attends.
//
// A batch is flat: the query rows of all sequences stand one after the other, prompts' chunks beside single decodes.
// AttentionPlan says who computes what.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tenfold/kernels/attention_plan.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/kv_layout.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::kernels {

// The page pool as kernels see it.
struct KvPages {
  std::byte* pages = nullptr;  // page p begins at p * layout.page_bytes()
  KvLayout layout;
};

// Writes the batch's keys and values [tokens, num_kv_heads * head_dim] into the pages, then computes
// outputs [tokens, num_heads * head_dim] from queries of the same shape. `scratch` holds plan.scratch_floats(), on a
// cache line. The plan was made for as many threads.
void PagedAttention(const KernelTable& kernels, platform::ThreadPool& threads, const AttentionPlan& plan,
                    const KvPages& kv, const AttentionShape& shape, int64_t layer, const float* queries,
                    const float* keys, const float* values, float* outputs, float* scratch);

}  // namespace tenfold::kernels
