// `tenfold bench kernels`: every kernel at the sizes of a real model, checked, timed, and judged by the machine's
// limits.
//
// A kernel whose answer is wrong is not timed: the bench ends with an error that says which output and by how much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/bench/machine_limits.h"
#include "tenfold/bench/report.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::bench {

struct MatrixShape {
  int64_t outputs;  // N
  int64_t inputs;   // K
};

struct KernelBenchOptions {
  std::string filter;  // only what has this text in its label, such as "matmul Q4_0" or "decode 16"
  int repeat = 9;
  // TinyLlama-1.1B's: attention's own, up and gate, down, output.
  std::vector<MatrixShape> shapes = {{2048, 2048}, {5632, 2048}, {2048, 5632}, {32000, 2048}};
  std::vector<int64_t> rows = {1, 4, 16, 32, 128, 512};
  std::vector<int64_t> contexts = {512, 2048, 8192};
  size_t working_set_bytes = kBeyondCaches;  // weights, keys and values are cycled through as many bytes
};

// What the parts of the bench work with.
struct KernelBenchContext {
  const KernelBenchOptions& options;
  const kernels::KernelTable& kernels;
  platform::ThreadPool& threads;
  LimitMeter& meter;
  Report& report;

  bool wants(const std::string& label) const { return label.find(options.filter) != std::string::npos; }
};

// Prints the machine's limits, then a line for each measurement. Errors: kInvalidArgument when nothing matches the
// filter, kResourceExhausted, kCorrupt for a wrong answer.
Status BenchKernels(const KernelBenchOptions& options, const kernels::KernelTable& kernels,
                    platform::ThreadPool& threads, Report& report);

// Its parts, each in a file of its own; they return how many measurements matched.
Result<int> BenchMatmul(KernelBenchContext& context);
Result<int> BenchAttention(KernelBenchContext& context);
Result<int> BenchRowOperations(KernelBenchContext& context);

}  // namespace tenfold::bench
