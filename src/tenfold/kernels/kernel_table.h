// KernelTable: the CPU kernels of one instruction set as plain function pointers, chosen once at start (law 9).
//
// Every kernel computes a fixed piece (a tile, a row) on the calling thread and fixes the order of its sums per output
// element, whatever the batch around it (law 2). Splitting work over threads is the business of matmul.h and
// attention.h.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/kernels/kv_layout.h"
#include "tenfold/kernels/packed_matrix.h"
#include "tenfold/platform/cpu_features.h"

namespace tenfold::kernels {

// Activations as 8-bit integers with a scale for each 32 of them, for products with quantized weights.
struct QuantizedRows {
  int64_t cols = 0;        // padded to kQuantStep
  int8_t* values;          // [rows, cols]
  float* scales;           // [rows, cols / 32]
  int32_t* negative_sums;  // [rows, cols / 32]  -sum of the block's values
};

// The left side of a product: `rows` rows, as floats for plain weights, quantized for quantized ones.
struct MatmulInput {
  int64_t rows = 0;
  const float* floats = nullptr;  // [rows, stride]
  int64_t stride = 0;
  QuantizedRows quantized{};
};

// One thread's piece of attention: consecutive queries of one sequence against one key-value head.
struct AttentionPiece {
  const std::byte* pages = nullptr;   // the pool; page p begins at p * layout.page_bytes()
  const int32_t* page_ids = nullptr;  // of the sequence, in order
  int64_t layer = 0;
  int64_t kv_head = 0;
  int64_t group_size = 1;      // query heads that share the kv head
  int64_t first_position = 0;  // of the first query; it sees keys 0..first_position
  int64_t num_queries = 0;
  float scale = 1;
  const float* queries = nullptr;  // of the first query and first head of the group
  float* outputs = nullptr;
  int64_t stride = 0;        // floats between queries of consecutive tokens, also of outputs
  float* scratch = nullptr;  // AttentionScratchFloats(num_queries * group_size, head_dim)
};

// Loops that reach what the processor can do at most, for benchmarks (cpu/peak_loops_inl.h). Their results mean nothing,
// but depend on all of the work.
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

struct KernelTable {
  const char* name;

  // Quantizes one row of `cols` floats; fills up to out.cols with zeros.
  void (*quantize_row)(const float* x, int64_t cols, int64_t row, const QuantizedRows& out);

  // y[m, n] = sum over k of x[m, k] * w[n, k], for all rows of x and the rows of w in tiles [tile_begin, tile_end).
  // y is [x.rows, y_stride].
  void (*matmul_tiles)(const PackedMatrix& w, int64_t tile_begin, int64_t tile_end, const MatmulInput& x, float* y,
                       int64_t y_stride);

  // y = x / sqrt(mean(x^2) + epsilon) * weight, one row.
  void (*rms_norm)(const float* x, const float* weight, float epsilon, int64_t cols, float* y);

  // Rotates pairs (i, i + half) of one head: angles are [2, half], cosines then sines. In place allowed.
  void (*rotate_head)(const float* x, const float* angles, int64_t half, float* y);

  void (*add)(const float* a, const float* b, int64_t count, float* y);
  // y = silu(gate) * up, with silu(v) = v / (1 + exp(-v)).
  void (*silu_multiply)(const float* gate, const float* up, int64_t count, float* y);

  // FlashAttention over pages (attention_inl.h).
  void (*attention)(const KvLayout& layout, const AttentionPiece& piece);

  PeakRates peak;
};

// Keys per step of the online softmax, at absolute positions: four vectors of scores per row. Also the least common
// multiple of the page sizes 16, 32 and 64.
inline constexpr int64_t kAttentionKeys = 64;

// Floats of scratch for a piece of `num_rows` = queries times group size.
int64_t AttentionScratchFloats(int64_t num_rows, int64_t head_dim);

// The tables that this program was built with and this processor can run, fastest first; the last is "portable".
std::vector<const KernelTable*> UsableKernels(const platform::CpuFeatures& features);

// The table named `isa`, or the fastest for "auto". Errors: kInvalidArgument, listing the usable names.
Result<const KernelTable*> SelectKernels(std::string_view isa, const platform::CpuFeatures& features);

}  // namespace tenfold::kernels
