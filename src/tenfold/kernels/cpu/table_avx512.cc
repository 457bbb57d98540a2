#include "tenfold/kernels/cpu/simd_avx512.h"
#include "tenfold/kernels/cpu/table_inl.h"
#include "tenfold/kernels/cpu/tables.h"

namespace tenfold::kernels {

const KernelTable& Avx512Kernels() {
  return kTableOf<SimdAvx512, Avx512TrainingKernels>;
}

}  // namespace tenfold::kernels
