// The kernels as their definitions read, in double precision: what the fast variants are compared with (law 9).
//
// For tests only; speed is no concern. Shapes as in kernel_table.h.
#pragma once

#include <cstdint>
#include <vector>

#include "tenfold/kernels/packed_rows.h"
#include "tenfold/tensor/tensor_view.h"

namespace tenfold::kernels::ref {

// y[m, n] = sum over k of x[m, k] * w[n, k], with the weights' own values. `magnitudes`, if not null, receives the sum
// of the terms' absolute values: what a rounding error is measured against.
std::vector<double> Matmul(const tensor::TensorView& weights, const std::vector<float>& x, int64_t rows,
                           std::vector<double>* magnitudes);

// Rows of `cols` as the packed form represents them (packed_rows.h): what products see.
std::vector<float> RoundLikePackedRows(RowFormat format, const std::vector<float>& x, int64_t cols);

std::vector<double> RmsNorm(const std::vector<float>& x, const std::vector<float>& weight, double epsilon);

// Causal attention of one sequence and one head over contiguous keys and values [num_keys, head_dim]; queries
// [num_queries, head_dim] stand at the last positions. The textbook: all scores, softmax, weighted sum.
std::vector<double> Attention(const std::vector<float>& queries, const std::vector<float>& keys,
                              const std::vector<float>& values, int64_t head_dim, double scale);

}  // namespace tenfold::kernels::ref
