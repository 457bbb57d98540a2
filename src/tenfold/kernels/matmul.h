// Matrix products on all threads: quantizes activations where the weights ask for it, then hands out tiles.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/packed_matrix.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::kernels {

// Bytes of scratch that Matmul needs for `rows` activation rows of `cols` features.
size_t MatmulScratchBytes(const PackedMatrix& weights, int64_t rows);

// y[m, n] = sum over k of x[m, k] * w[n, k]. x is [rows, cols], y is [rows, w.rows()]; `scratch` is 64-byte aligned.
// The result for a row depends on that row alone, bit for bit, and on nothing else in the call.
void Matmul(const KernelTable& kernels, platform::ThreadPool& threads, const PackedMatrix& weights, const float* x,
            int64_t rows, float* y, std::byte* scratch);

}  // namespace tenfold::kernels
