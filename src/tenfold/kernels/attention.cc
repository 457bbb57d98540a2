#include "tenfold/kernels/attention.h"

#include <algorithm>

namespace tenfold::kernels {
namespace {

// The attention of one layer, with what all its pieces need.
class LayerAttention {
 public:
  LayerAttention(const KernelTable& kernels, platform::ThreadPool& threads, const AttentionPlan& plan,
                 const KvPages& kv, const AttentionShape& shape, int64_t layer, float* scratch)
      : kernels_(kernels),
        threads_(threads),
        plan_(plan),
        kv_(kv),
        shape_(shape),
        layer_(layer),
        thread_scratch_(scratch),
        slots_(scratch + threads.num_threads() * plan.thread_scratch_floats()),
        totals_(slots_ + plan.num_slots() * plan.state_floats()) {}

  void Store(const float* keys, const float* values) {
    const KvLayout& layout = kv_.layout;
    const int64_t stride = layout.num_kv_heads * layout.head_dim;
    threads_.Run(static_cast<int64_t>(plan_.stores().size()), [&](int64_t index, int) {
      const AttentionChunk& piece = plan_.stores()[static_cast<size_t>(index)];
      std::byte* const page = kv_.pages + static_cast<size_t>(piece.page_ids[piece.first_position / layout.page_size]) *
                                              layout.page_bytes();
      for (int64_t head = 0; head < layout.num_kv_heads; ++head) {
        const int64_t offset = piece.first_row * stride + head * layout.head_dim;
        kernels_.store_keys_values(layout, {.keys_in_page = page + layout.keys_offset(layer_, head),
                                            .values_in_page = page + layout.values_offset(layer_, head),
                                            .first_slot = piece.first_position % layout.page_size,
                                            .num_tokens = piece.num_tokens,
                                            .keys = keys + offset,
                                            .values = values + offset,
                                            .stride = stride});
      }
    });
  }

  void Attend(const float* queries, float* outputs) {
    const int64_t num_kv_heads = kv_.layout.num_kv_heads;
    const int64_t num_whole = static_cast<int64_t>(plan_.whole().size()) * num_kv_heads;
    const int64_t num_items = plan_.num_range_items();
    // The first ranges of split pieces fill up what whole pieces leave of the threads' time.
    const int64_t first_wave = std::min(num_items, plan_.num_slots());
    threads_.Run(num_whole + first_wave, [&](int64_t index, int thread) {
      if (index >= num_whole) return ComputeRange(index - num_whole, thread, queries, outputs);
      const AttentionPlan::Piece& piece = plan_.whole()[static_cast<size_t>(index / num_kv_heads)];
      AttentionPiece work = PieceOf(piece, index % num_kv_heads, thread, queries, outputs);
      // Threads take pieces in turn.
      if (const int64_t next = index + threads_.num_threads(); next < num_whole) {
        const AttentionPlan::Piece& next_piece = plan_.whole()[static_cast<size_t>(next / num_kv_heads)];
        work.next = {next_piece.parts[0].page_ids, next % num_kv_heads, next_piece.parts[0].num_keys()};
      }
      float* const state = work.scratch - plan_.state_floats();
      kernels_.attention(kv_.layout, work, 0, work.num_ranges(), state);
      kernels_.finish_attention(kv_.layout, work, state);
    });
    for (int64_t begin = 0; begin < num_items; begin += plan_.num_slots()) {
      const int64_t end = std::min(num_items, begin + plan_.num_slots());
      if (begin > 0) {
        threads_.Run(end - begin,
                     [&](int64_t index, int thread) { ComputeRange(begin + index, thread, queries, outputs); });
      }
      MergeRanges(begin, end, queries, outputs);
    }
  }

 private:
  AttentionPiece PieceOf(const AttentionPlan::Piece& piece, int64_t kv_head, int thread, const float* queries,
                         float* outputs) const {
    const int64_t group_size = shape_.num_heads / kv_.layout.num_kv_heads;
    const int64_t offset = kv_head * group_size * kv_.layout.head_dim;
    return {.pages = kv_.pages,
            .parts = piece.parts,
            .num_shared_keys = piece.num_shared_keys,
            .layer = layer_,
            .kv_head = kv_head,
            .next = {},
            .group_size = group_size,
            .scale = shape_.scale,
            .queries = queries + offset,
            .outputs = outputs + offset,
            .stride = shape_.num_heads * kv_.layout.head_dim,
            .scratch = thread_scratch_ + thread * plan_.thread_scratch_floats() + plan_.state_floats()};
  }
  AttentionPiece PieceOf(const AttentionPlan::RangeItem& item, int thread, const float* queries, float* outputs) const {
    return PieceOf(plan_.split()[static_cast<size_t>(item.piece)], item.head, thread, queries, outputs);
  }

  // A piece's first range begins its total; the others wait in a slot for the ones before.
  int64_t HeadOf(const AttentionPlan::RangeItem& item) const {
    return item.piece * kv_.layout.num_kv_heads + item.head;
  }
  float* TotalOf(const AttentionPlan::RangeItem& item) const { return totals_ + HeadOf(item) * plan_.state_floats(); }
  float* SlotOf(int64_t index) const { return slots_ + index % plan_.num_slots() * plan_.state_floats(); }

  void ComputeRange(int64_t index, int thread, const float* queries, float* outputs) {
    const AttentionPlan::RangeItem item = plan_.range_item(index);
    kernels_.attention(kv_.layout, PieceOf(item, thread, queries, outputs), item.range, item.range + 1,
                       item.range == 0 ? TotalOf(item) : SlotOf(index));
  }

  // Each head's ranges, in their order, on one thread.
  void MergeRanges(int64_t begin, int64_t end, const float* queries, float* outputs) {
    const int64_t first_head = HeadOf(plan_.range_item(begin)), last_head = HeadOf(plan_.range_item(end - 1));
    threads_.Run(last_head - first_head + 1, [&](int64_t head, int thread) {
      for (int64_t index = begin; index < end; ++index) {
        const AttentionPlan::RangeItem item = plan_.range_item(index);
        if (HeadOf(item) != first_head + head) continue;
        const AttentionPiece piece = PieceOf(item, thread, queries, outputs);
        if (item.range > 0) kernels_.merge_attention(kv_.layout, piece.num_rows(), SlotOf(index), TotalOf(item));
        if (item.range == piece.num_ranges() - 1) kernels_.finish_attention(kv_.layout, piece, TotalOf(item));
      }
    });
  }

  const KernelTable& kernels_;
  platform::ThreadPool& threads_;
  const AttentionPlan& plan_;
  const KvPages& kv_;
  const AttentionShape& shape_;
  int64_t layer_;
  float* thread_scratch_;  // [threads]: a state, and what a piece needs
  float* slots_;           // [num_slots] states of ranges
  float* totals_;          // [split pieces * heads] states
};

}  // namespace

void PagedAttention(const KernelTable& kernels, platform::ThreadPool& threads, const AttentionPlan& plan,
                    const KvPages& kv, const AttentionShape& shape, int64_t layer, const float* queries,
                    const float* keys, const float* values, float* outputs, float* scratch) {
  LayerAttention attention(kernels, threads, plan, kv, shape, layer, scratch);
  attention.Store(keys, values);
  attention.Attend(queries, outputs);
}

}  // namespace tenfold::kernels
