// The kernel tables that may have been built, one per instruction set; kernels/CMakeLists.txt says which were.
#pragma once

#include "tenfold/kernels/kernel_table.h"

namespace tenfold::kernels {

const KernelTable& PortableKernels();
const TrainingKernels& PortableTrainingKernels();
// x86-64 builds only:
const KernelTable& Avx2Kernels();
const TrainingKernels& Avx2TrainingKernels();
const KernelTable& Avx512Kernels();
const TrainingKernels& Avx512TrainingKernels();
const KernelTable& Avx512Bf16Kernels();
const TrainingKernels& Avx512Bf16TrainingKernels();

}  // namespace tenfold::kernels
