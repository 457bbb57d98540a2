// KernelTable: the CPU kernels of one instruction set as plain function pointers, chosen once at start (law 9).
//
// Every kernel computes a fixed piece (a tile, a row) on the calling thread and fixes the order of its sums per output
// element, whatever the batch around it (law 2). Splitting work over threads is the business of matmul.h and
// attention.h.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/rounding.h"
#include "tenfold/kernels/kv_layout.h"
#include "tenfold/kernels/packed_matrix.h"
#include "tenfold/kernels/packed_rows.h"
#include "tenfold/platform/cpu_features.h"

namespace tenfold::kernels {

// One thread's piece of a product: all rows of x against the weight tiles [tile_begin, tile_end).
struct MatmulPiece {
  const PackedMatrix* weights = nullptr;
  const PackedRows* x = nullptr;
  int64_t tile_begin = 0;
  int64_t tile_end = 0;
  int64_t next_tile = 0;         // where this thread will probably go on: fetched meanwhile
  float* y = nullptr;            // [x.rows, weights.rows]
  std::byte* scratch = nullptr;  // the thread's own, MatmulThreadScratchBytes(*weights), 64-byte aligned
};

// Two tiles of unpacked 32-blocks: 512 integers, and for each of 16 rows four multiples of a scale and a minimum.
inline constexpr int64_t kUnpackedBlockBytes = 832;
inline size_t MatmulThreadScratchBytes(const PackedMatrix& weights) {
  return static_cast<size_t>(2 * (weights.padded_cols() / kQuantBlock) * kUnpackedBlockBytes);
}

// Consecutive tokens of one sequence and one kv head that go into one page.
struct KvStorePiece {
  std::byte* keys_in_page = nullptr;  // where the layer's and the head's part of the page begins
  std::byte* values_in_page = nullptr;
  int64_t first_slot = 0;  // of the page
  int64_t num_tokens = 0;
  const float* keys = nullptr;  // of the first token
  const float* values = nullptr;
  int64_t stride = 0;  // floats between tokens
};

// Consecutive tokens of one sequence: rows [first_row, first_row + num_tokens) of the batch hold its tokens at
// positions [first_position, ...). Its pages hold the earlier tokens and have room for these.
struct AttentionChunk {
  int64_t first_row = 0;
  int64_t num_tokens = 0;
  int64_t first_position = 0;
  const int32_t* page_ids = nullptr;

  int64_t num_keys() const { return first_position + num_tokens; }
};
// Of the chunk that sees most.
int64_t MaxNumKeys(std::span<const AttentionChunk> chunks);

// Keys and values of a sequence, and of which head.
struct AttentionKeys {
  const int32_t* page_ids = nullptr;  // of the sequence, in order
  int64_t kv_head = 0;
  int64_t num_keys = 0;
};

// One thread's piece of attention: consecutive queries of a sequence, or of several, against one key-value head.
struct AttentionPiece {
  const std::byte* pages = nullptr;  // the pool; page p begins at p * layout.page_bytes()
  std::span<const AttentionChunk> parts = {};
  // So many keys at the beginning of each part's sequence lie in the same pages, and all queries see them: they are
  // read once. Whole blocks of kAttentionKeys; 0 with one part.
  int64_t num_shared_keys = 0;
  int64_t layer = 0;
  int64_t kv_head = 0;
  AttentionKeys next;      // what this thread will probably read afterwards: fetched meanwhile
  int64_t group_size = 1;  // query heads that share the kv head
  float scale = 1;
  const float* queries = nullptr;  // of the batch's row 0 and the first head of the group
  float* outputs = nullptr;
  int64_t stride = 0;        // floats between queries of consecutive rows of the batch, also of outputs
  float* scratch = nullptr;  // AttentionScratchFloats(num_rows(), layout), on a cache line

  // A row is one head's query; the heads of a token stand together, the parts one after the other.
  int64_t num_rows() const {
    int64_t num_rows = 0;
    for (const AttentionChunk& part : parts) num_rows += num_rows_of(part);
    return num_rows;
  }
  int64_t num_rows_of(const AttentionChunk& part) const { return part.num_tokens * group_size; }
  int64_t num_ranges() const;
  // Of the part's row, in queries and outputs.
  int64_t offset_of_row(const AttentionChunk& part, int64_t row, int64_t head_dim) const {
    return (part.first_row + row / group_size) * stride + row % group_size * head_dim;
  }
};

// Loops that reach what the processor can do at most, for benchmarks (cpu/peak_loops_inl.h). Their results mean
// nothing, but depend on all of the work.
struct PeakLoop {
  float (*run)(int64_t iterations);
  int64_t operations;  // per iteration
};
struct PeakRates {
  PeakLoop multiply_add_f32;
  PeakLoop dot_bf16;
  PeakLoop dot_int8;
  float (*read)(const float* from, int64_t count);  // sums what it reads
};

struct TrainingKernels;

struct KernelTable {
  const char* name;

  const TrainingKernels& (*training)();  // training_kernels.h

  // Rows that one pass of the matrix kernels takes together (PackedRows::max_tile_rows).
  int64_t max_tile_rows;

  // Packs one row of `cols` floats into kBf16 or kInt8 rows, and zeros up to out.cols. Infinity or NaN anywhere in it
  // makes all products of the row NaN.
  void (*pack_row)(const float* x, int64_t cols, int64_t row, const PackedRows& out);

  // y[m, n] = sum over k of x[m, k] * w[n, k] for the piece.
  void (*matmul)(const MatmulPiece& piece);

  // y = x / sqrt(mean(x^2) + epsilon) * weight, one row.
  void (*rms_norm)(const float* x, const float* weight, float epsilon, int64_t cols, float* y);
  // y = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight, one row.
  void (*layer_norm)(const float* x, const float* weight, float epsilon, int64_t cols, float* y);

  // Rotates pairs (i, i + half) of one head: angles are [2, half], cosines then sines. In place allowed.
  void (*rotate_head)(const float* x, const float* angles, int64_t half, float* y);

  void (*add)(const float* a, const float* b, int64_t count, float* y);
  // y = silu(gate) * up, with silu(v) = v / (1 + exp(-v)).
  void (*silu_multiply)(const float* gate, const float* up, int64_t count, float* y);
  // y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).
  void (*gelu)(const float* x, int64_t count, float* y);

  void (*store_keys_values)(const KvLayout& layout, const KvStorePiece& piece);

  // FlashAttention over pages (attention_inl.h): the state of the piece's rows for the keys of ranges [first, end).
  void (*attention)(const KvLayout& layout, const AttentionPiece& piece, int64_t first_range, int64_t end_range,
                    float* state);
  // into = into and then `from`, the state of the next range.
  void (*merge_attention)(const KvLayout& layout, int64_t num_rows, const float* from, float* into);
  // Writes the piece's outputs from the state of all its keys.
  void (*finish_attention)(const KvLayout& layout, const AttentionPiece& piece, const float* state);

  // The baseline of naive_attention.h: all queries of one kv head. Scratch: NaiveAttentionScratchFloats.
  void (*naive_attention)(const KvLayout& layout, const AttentionPiece& piece);

  PeakRates peak;
};

// Keys per step of the online softmax, at absolute positions: at head dimension 64 their keys and values in 16 bits
// fill two thirds of an L1 cache of 48 KiB.
inline constexpr int64_t kAttentionKeys = 128;
// Keys of a partial state, at absolute positions: few enough that a long context makes work for many threads, enough
// that merging two states (as much as two keys) costs nothing.
inline constexpr int64_t kAttentionRange = 1024;
// Rows of the greatest tile in registers of any instruction set.
inline constexpr int64_t kAttentionTileRows = 6;

inline int64_t AttentionPiece::num_ranges() const {
  return CeilDivide(MaxNumKeys(parts), kAttentionRange);
}

// Floats of the state of `num_rows` rows: outputs, a maximum and a sum.
int64_t AttentionStateFloats(int64_t num_rows, const KvLayout& layout);
// Floats of scratch for a piece of `num_rows`: whole cache lines, whatever the number of keys.
int64_t AttentionScratchFloats(int64_t num_rows, const KvLayout& layout);
int64_t NaiveAttentionScratchFloats(int64_t num_rows, int64_t num_keys, const KvLayout& layout);

// The tables that this program was built with and this processor can run, fastest first; the last is "portable".
std::vector<const KernelTable*> UsableKernels(const platform::CpuFeatures& features);

// The table named `isa`, or the fastest for "auto". Errors: kInvalidArgument, listing the usable names.
Result<const KernelTable*> SelectKernels(std::string_view isa, const platform::CpuFeatures& features);

}  // namespace tenfold::kernels
