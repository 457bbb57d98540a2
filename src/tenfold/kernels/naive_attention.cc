#include "tenfold/kernels/naive_attention.h"

#include "tenfold/base/check.h"

namespace tenfold::kernels {
namespace {

double FlopsOf(const KvLayout& layout, const AttentionShape& shape, int64_t num_queries, int64_t num_keys) {
  const double pairs =
      static_cast<double>(num_queries) * (static_cast<double>(num_keys) - static_cast<double>(num_queries - 1) / 2);
  return 4 * static_cast<double>(layout.head_dim * shape.num_heads) * pairs;
}

int64_t QueryAndOutputBytes(const KvLayout& layout, const AttentionShape& shape, int64_t num_queries) {
  return num_queries * shape.num_heads * layout.head_dim * 2 * static_cast<int64_t>(sizeof(float));
}

// Of one layer and kv head.
int64_t KeyAndValueBytes(const KvLayout& layout, int64_t num_keys) {
  return static_cast<int64_t>(layout.keys_bytes() + layout.values_bytes()) * num_keys / layout.page_size;
}

}  // namespace

AttentionCost FlashAttentionCost(const AttentionPlan& plan, const KvLayout& layout, const AttentionShape& shape) {
  AttentionCost cost;
  for (const auto* pieces : {&plan.whole(), &plan.split()}) {
    for (const AttentionPlan::Piece& piece : *pieces) {
      int64_t num_keys_read = piece.num_shared_keys;
      for (const AttentionChunk& part : piece.parts) {
        cost.flops += FlopsOf(layout, shape, part.num_tokens, part.num_keys());
        num_keys_read += part.num_keys() - piece.num_shared_keys;
      }
      cost.bytes_moved += QueryAndOutputBytes(layout, shape, piece.num_queries()) +
                          layout.num_kv_heads * KeyAndValueBytes(layout, num_keys_read);
    }
  }
  cost.scratch_bytes = plan.scratch_floats() * static_cast<int64_t>(sizeof(float));
  return cost;
}

AttentionCost NaiveAttentionCost(const KvLayout& layout, const AttentionShape& shape, int64_t num_queries,
                                 int64_t num_keys, int num_threads) {
  const int64_t scores = num_queries * num_keys * shape.num_heads;
  const int64_t weight_bytes = layout.numbers_per_lane() == 2 ? 2 : 4;
  AttentionCost cost;
  cost.flops = FlopsOf(layout, shape, num_queries, num_keys);
  // Scores are written, read for the maximum and read for the exponential; weights are written and read.
  cost.bytes_moved = QueryAndOutputBytes(layout, shape, num_queries) +
                     layout.num_kv_heads * KeyAndValueBytes(layout, num_keys) + scores * (3 * 4 + 2 * weight_bytes);
  cost.scratch_bytes =
      num_threads * static_cast<int64_t>(sizeof(float)) *
      NaiveAttentionScratchFloats(num_queries * shape.num_heads / layout.num_kv_heads, num_keys, layout);
  return cost;
}

void NaiveAttention(const KernelTable& kernels, platform::ThreadPool& threads, const KvPages& kv,
                    const AttentionShape& shape, int64_t layer, int64_t num_queries, int64_t num_keys,
                    const float* queries, float* outputs, float* scratch) {
  const KvLayout& layout = kv.layout;
  CHECK_LE(num_keys, layout.page_size);
  CHECK(!layout.is_quantized());
  const int64_t group_size = shape.num_heads / layout.num_kv_heads;
  const int64_t thread_scratch = NaiveAttentionScratchFloats(num_queries * group_size, num_keys, layout);
  const int32_t only_page = 0;
  const AttentionChunk chunk{0, num_queries, num_keys - num_queries, &only_page};
  threads.Run(layout.num_kv_heads, [&](int64_t kv_head, int thread) {
    const int64_t offset = kv_head * group_size * layout.head_dim;
    kernels.naive_attention(layout, {.pages = kv.pages,
                                     .parts = {&chunk, 1},
                                     .layer = layer,
                                     .kv_head = kv_head,
                                     .next = {},
                                     .group_size = group_size,
                                     .scale = shape.scale,
                                     .queries = queries + offset,
                                     .outputs = outputs + offset,
                                     .stride = shape.num_heads * layout.head_dim,
                                     .scratch = scratch + thread * thread_scratch});
  });
}

}  // namespace tenfold::kernels
