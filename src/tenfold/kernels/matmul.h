// Matrix products on all threads. Activations are packed first, in the form that the weights ask for; one packing
// serves all matrices that take the same form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/packed_matrix.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::kernels {

// One product: y[m, n] = sum over k of x[m, k] * w[n, k].
struct Product {
  const PackedMatrix* weights;
  float* y;  // [rows, weights->rows()]
};

// Packs all rows of `x` [rows.rows, cols] on all threads; nothing to do for kF32.
void PackAllRows(const KernelTable& kernels, platform::ThreadPool& threads, const float* x, int64_t cols,
                 const PackedRows& rows);

// Bytes of scratch that MultiplyPacked needs for products with matrices like this one.
size_t MultiplyScratchBytes(const PackedMatrix& weights, int num_threads);

// Computes several products of the same rows, whose weights ask for the same form. `scratch` holds the greatest of
// their MultiplyScratchBytes, 64-byte aligned. The result for a row depends on that row alone, bit for bit, and on
// nothing else in the call.
void MultiplyPacked(const KernelTable& kernels, platform::ThreadPool& threads, std::span<const Product> products,
                    const PackedRows& rows, std::byte* scratch);

// Bytes of scratch that Matmul needs for `rows` activation rows.
size_t MatmulScratchBytes(const PackedMatrix& weights, int64_t rows, int num_threads);

// Packs and multiplies: y = x * weights^T. x is [rows, cols], y is [rows, weights.rows()]; `scratch` is 64-byte
// aligned.
void Matmul(const KernelTable& kernels, platform::ThreadPool& threads, const PackedMatrix& weights, const float* x,
            int64_t rows, float* y, std::byte* scratch);

}  // namespace tenfold::kernels
