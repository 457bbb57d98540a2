// TrainingKernels: what training needs beyond KernelTable, as plain function pointers; KernelTable::training leads
// here.
//
// As there, every kernel computes a fixed piece on the calling thread and fixes the order of its sums.
#pragma once

#include <cstdint>

#include "tenfold/kernels/gemm_piece.h"
#include "tenfold/kernels/training_attention_piece.h"

namespace tenfold::kernels {

struct TrainingKernels {
  // Products of matrices that change from call to call, by Precision.
  void (*gemm[2])(const GemmPiece& piece);

  // FlashAttention without a cache, by Precision.
  void (*attention[2])(const TrainingAttentionPiece& piece);
  void (*attention_gradient[2])(const AttentionGradientPiece& piece);

  // One row each. `dx` and `dy` are the gradients of x and y; dx may be x or dy. Those of weights are added to dw.
  void (*rms_norm_gradient)(const float* x, const float* weight, const float* dy, float epsilon, int64_t cols,
                            float* dx);
  void (*rms_norm_weight_gradient)(const float* x, const float* dy, float epsilon, int64_t cols, float* dw);
  void (*layer_norm_gradient)(const float* x, const float* weight, const float* dy, float epsilon, int64_t cols,
                              float* dx);
  void (*layer_norm_weight_gradient)(const float* x, const float* dy, float epsilon, int64_t cols, float* dw);
  void (*gelu_gradient)(const float* x, const float* dy, int64_t count, float* dx);
  void (*silu_gate_gradient)(const float* gate, const float* up, const float* dy, int64_t count, float* dgate);
  void (*silu_up_gradient)(const float* gate, const float* dy, int64_t count, float* dup);
  // As KernelTable::rotate_head, by the opposite angles.
  void (*rotate_head_back)(const float* x, const float* angles, int64_t half, float* y);

  // log(sum(exp(x))) of `count` numbers.
  float (*log_sum_exp)(const float* x, int64_t count);
  // y = factor * exp(x - normalizer); y may be x.
  void (*scaled_exp)(const float* x, float normalizer, float factor, int64_t count, float* y);
};

}  // namespace tenfold::kernels
