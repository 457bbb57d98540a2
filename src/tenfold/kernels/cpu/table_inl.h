// Fills a KernelTable from the kernels over one Simd class. Included by exactly one .cc per instruction set.
#pragma once

#include "tenfold/kernels/cpu/attention_inl.h"
#include "tenfold/kernels/cpu/kv_store_inl.h"
#include "tenfold/kernels/cpu/matmul_inl.h"
#include "tenfold/kernels/cpu/naive_attention_inl.h"
#include "tenfold/kernels/cpu/pack_rows_inl.h"
#include "tenfold/kernels/cpu/peak_loops_inl.h"
#include "tenfold/kernels/cpu/row_ops_inl.h"
#include "tenfold/kernels/kernel_table.h"

namespace tenfold::kernels {

template <class S, const TrainingKernels& (*kTraining)()>
inline constexpr KernelTable kTableOf = {
    .name = S::kName,
    .training = kTraining,
    .max_tile_rows = Matmul<S>::kMaxRows,
    .pack_row = PackRows<S>::PackRow,
    .matmul = Matmul<S>::Run,
    .rms_norm = RowOps<S>::RmsNorm,
    .layer_norm = RowOps<S>::LayerNorm,
    .rotate_head = RowOps<S>::RotateHead,
    .add = RowOps<S>::AddRows,
    .silu_multiply = RowOps<S>::SiluMultiply,
    .gelu = RowOps<S>::Gelu,
    .store_keys_values = StoreKeysAndValues<S>,
    .attention = RunAttention<S>,
    .merge_attention = MergeAttention<S>,
    .finish_attention = FinishAttention<S>,
    .naive_attention = RunNaiveAttention<S>,
    .peak = PeakLoops<S>::kRates,
};

}  // namespace tenfold::kernels
