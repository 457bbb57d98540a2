// Fills TrainingKernels from the kernels over one Simd class. Included by exactly one .cc per instruction set.
#pragma once

#include "tenfold/kernels/cpu/gemm_inl.h"
#include "tenfold/kernels/cpu/training_attention_inl.h"
#include "tenfold/kernels/cpu/training_row_ops_inl.h"
#include "tenfold/kernels/training_kernels.h"

namespace tenfold::kernels {

template <class S>
inline constexpr TrainingKernels kTrainingOf = {
    .gemm = {RunGemm<S, float>, RunGemm<S, tensor::Bf16>},
    .attention = {TrainingAttentionTiles<S, float>::RunForward, TrainingAttentionTiles<S, tensor::Bf16>::RunForward},
    .attention_gradient = {TrainingAttentionTiles<S, float>::RunBackward,
                           TrainingAttentionTiles<S, tensor::Bf16>::RunBackward},
    .rms_norm_gradient = TrainingRowOps<S>::RmsNormGradient,
    .rms_norm_weight_gradient = TrainingRowOps<S>::RmsNormWeightGradient,
    .layer_norm_gradient = TrainingRowOps<S>::LayerNormGradient,
    .layer_norm_weight_gradient = TrainingRowOps<S>::LayerNormWeightGradient,
    .gelu_gradient = TrainingRowOps<S>::GeluGradient,
    .silu_gate_gradient = TrainingRowOps<S>::SiluGateGradient,
    .silu_up_gradient = TrainingRowOps<S>::SiluUpGradient,
    .rotate_head_back = TrainingRowOps<S>::RotateHeadBack,
    .log_sum_exp = TrainingRowOps<S>::LogSumExp,
    .scaled_exp = TrainingRowOps<S>::ScaledExp,
};

}  // namespace tenfold::kernels
