// The kernel tables that may have been built, one per instruction set; kernels/CMakeLists.txt says which were.
#pragma once

#include "tenfold/kernels/kernel_table.h"

namespace tenfold::kernels {

const KernelTable& PortableKernels();
// x86-64 builds only:
const KernelTable& Avx2Kernels();
const KernelTable& Avx512Kernels();
const KernelTable& Avx512Bf16Kernels();

}  // namespace tenfold::kernels
