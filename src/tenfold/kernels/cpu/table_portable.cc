#include "tenfold/kernels/cpu/simd_portable.h"
#include "tenfold/kernels/cpu/table_inl.h"
#include "tenfold/kernels/cpu/tables.h"

namespace tenfold::kernels {

const KernelTable& PortableKernels() {
  return kTableOf<SimdPortable, PortableTrainingKernels>;
}

}  // namespace tenfold::kernels
