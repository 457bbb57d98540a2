// Products of two f32 matrices on all threads (BLIS: van Zee and van de Geijn, ACM TOMS 2015): both operands are packed
// piece by piece as they are multiplied. For matrices that change from call to call; weights that stay are packed once
// (matmul.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "tenfold/kernels/gemm_piece.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::kernels {

size_t GemmScratchBytes(int num_threads);

// Computes the whole of `product`, whose own `scratch` is not looked at, however large its sizes. An element's bits
// depend on its row of a and its column of b (and on c, when adding), not on the number of threads nor on its place.
// `scratch` holds GemmScratchBytes, 64-byte aligned. A depth of 0 gives zeros, or changes nothing when adding.
void Gemm(const KernelTable& kernels, platform::ThreadPool& threads, Precision precision, const GemmPiece& product,
          std::byte* scratch);

}  // namespace tenfold::kernels
