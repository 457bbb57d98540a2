#include "tenfold/kernels/cpu/simd_avx512.h"
#include "tenfold/kernels/cpu/tables.h"
#include "tenfold/kernels/cpu/training_table_inl.h"

namespace tenfold::kernels {

const TrainingKernels& Avx512TrainingKernels() {
  return kTrainingOf<SimdAvx512>;
}

}  // namespace tenfold::kernels
