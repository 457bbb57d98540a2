#include "tenfold/kernels/cpu/simd_avx2.h"
#include "tenfold/kernels/cpu/tables.h"
#include "tenfold/kernels/cpu/training_table_inl.h"

namespace tenfold::kernels {

const TrainingKernels& Avx2TrainingKernels() {
  return kTrainingOf<SimdAvx2>;
}

}  // namespace tenfold::kernels
