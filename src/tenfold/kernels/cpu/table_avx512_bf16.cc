#include "tenfold/kernels/cpu/simd_avx512.h"
#include "tenfold/kernels/cpu/table_inl.h"
#include "tenfold/kernels/cpu/tables.h"

namespace tenfold::kernels {

const KernelTable& Avx512Bf16Kernels() {
  return kTableOf<SimdAvx512Bf16, Avx512Bf16TrainingKernels>;
}

}  // namespace tenfold::kernels
