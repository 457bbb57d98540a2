#include "tenfold/kernels/cpu/simd_avx512.h"
#include "tenfold/kernels/cpu/tables.h"
#include "tenfold/kernels/cpu/training_table_inl.h"

namespace tenfold::kernels {

const TrainingKernels& Avx512Bf16TrainingKernels() {
  return kTrainingOf<SimdAvx512Bf16>;
}

}  // namespace tenfold::kernels
