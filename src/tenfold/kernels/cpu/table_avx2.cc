#include "tenfold/kernels/cpu/simd_avx2.h"
#include "tenfold/kernels/cpu/table_inl.h"
#include "tenfold/kernels/cpu/tables.h"

namespace tenfold::kernels {

const KernelTable& Avx2Kernels() {
  return kTableOf<SimdAvx2, Avx2TrainingKernels>;
}

}  // namespace tenfold::kernels
