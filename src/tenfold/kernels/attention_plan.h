// AttentionPlan: how a step's attention is cut into pieces of similar size. Built once per step, used by every layer.
//
// A piece is a few consecutive queries of one sequence, with all query heads of one kv head (the work of a "head"
// below). Sequences that decode behind the same pages, because they share a prefix, are parts of one piece, which reads
// those pages once for all of them (cascade attention; Hydragen, Juravsky et al. 2024). Pieces with the longest
// contexts come first. Where a single piece is more than its share of the threads' time, because few sequences are
// under way or one is much longer than the others, it is split: its ranges of keys are computed by several threads and
// merged afterwards, in order (Flash-Decoding). No such choice changes a result: blocks of keys begin at absolute
// positions whoever reads them, and ranges are merged in their order by a piece that one thread computes alone, too
// (law 2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/base/rounding.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/kv_layout.h"

namespace tenfold::kernels {

// The heads of a model's attention.
struct AttentionShape {
  int64_t num_heads = 0;
  float scale = 1;
};

class AttentionPlan {
 public:
  // Reserves for batches of up to `max_tokens`, so that no later Build allocates.
  AttentionPlan(const KvLayout& layout, const AttentionShape& shape, int64_t max_tokens, int num_threads);

  // One chunk for each sequence of the batch.
  void Build(std::span<const AttentionChunk> sequences);

  struct Piece {
    std::span<const AttentionChunk> parts;  // of one sequence each
    int64_t num_shared_keys;                // at the beginning of all parts, the same pages; see AttentionPiece
    int64_t num_queries() const;
    int64_t num_ranges() const { return CeilDivide(MaxNumKeys(parts), kAttentionRange); }
  };
  // What lies in one page and is stored at once.
  const std::vector<AttentionChunk>& stores() const { return stores_; }
  // Pieces that one thread computes for each head, the longest first.
  const std::vector<Piece>& whole() const { return whole_; }
  // Pieces that are split.
  const std::vector<Piece>& split() const { return split_; }

  // One range of one head of a split piece.
  struct RangeItem {
    int64_t piece;  // of split()
    int64_t head;
    int64_t range;
  };
  int64_t num_range_items() const { return num_range_items_; }
  RangeItem range_item(int64_t index) const;

  // Range items whose states are kept at once, before they are merged.
  int64_t num_slots() const { return num_slots_; }
  // Heads of split pieces that there can be.
  int64_t max_split_heads() const { return kSharesPerThread * num_threads_; }

  // Scratch of all threads and of split pieces: the same for every length of the context.
  int64_t scratch_floats() const { return scratch_floats_; }
  int64_t state_floats() const { return state_floats_; }
  int64_t thread_scratch_floats() const { return thread_scratch_floats_; }

 private:
  // A piece is split when it is more than a quarter of a thread's share: pieces that are smaller, handed out one by
  // one, leave a thread idle for at most that part of the time.
  static constexpr int64_t kSharesPerThread = 4;

  void AddPiece(std::span<const AttentionChunk> parts, int64_t num_shared_keys);
  void AddDecodes();

  int64_t page_size_;
  int64_t num_kv_heads_;
  int64_t group_size_;
  int num_threads_;
  int64_t max_queries_;
  int64_t num_slots_;
  int64_t state_floats_;
  int64_t thread_scratch_floats_;
  int64_t scratch_floats_;
  int64_t num_range_items_ = 0;
  std::vector<AttentionChunk> stores_;
  std::vector<AttentionChunk> parts_;    // of all pieces
  std::vector<AttentionChunk> decodes_;  // whose prefixes may be shared
  std::vector<Piece> whole_;
  std::vector<Piece> split_;
};

}  // namespace tenfold::kernels
