// The kernel tables that may have been built, one per instruction set; kernels/CMakeLists.txt says which were.
#pragma once

#include "tenfold/kernels/kernel_table.h"

namespace tenfold::kernels {

const KernelTable& PortableKernels();
const KernelTable& Avx2Kernels();    // x86-64 builds only
const KernelTable& Avx512Kernels();  // x86-64 builds only

}  // namespace tenfold::kernels
