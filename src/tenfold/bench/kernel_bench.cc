#include "tenfold/bench/kernel_bench.h"

namespace tenfold::bench {

Status BenchKernels(const KernelBenchOptions& options, const kernels::KernelTable& kernels,
                    platform::ThreadPool& threads, Report& report) {
  ASSIGN_OR_RETURN(LimitMeter meter, LimitMeter::Create(kernels, threads, options.working_set_bytes));
  report.AddMachine(meter.MeasureAll(options.repeat), kernels, threads);
  KernelBenchContext context{options, kernels, threads, meter, report};
  int num_measured = 0;
  for (const auto part : {BenchMatmul, BenchAttention, BenchRowOperations}) {
    ASSIGN_OR_RETURN(const int num, part(context));
    num_measured += num;
  }
  if (num_measured == 0) {
    return MakeError(ErrorCode::kInvalidArgument, "--filter: no kernel has \"{}\" in its label", options.filter);
  }
  return {};
}

}  // namespace tenfold::bench
