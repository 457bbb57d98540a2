#include "tenfold/kernels/cpu/simd_portable.h"
#include "tenfold/kernels/cpu/tables.h"
#include "tenfold/kernels/cpu/training_table_inl.h"

namespace tenfold::kernels {

const TrainingKernels& PortableTrainingKernels() {
  return kTrainingOf<SimdPortable>;
}

}  // namespace tenfold::kernels
