// What this machine can do at most with the threads and the instruction set in use, measured by the program itself.
//
// A machine shared with others changes from second to second, so a limit is no constant: LimitMeter takes samples of
// about a millisecond, cheap enough to stand just before and just after whatever is judged by them (measurement.h).
//
// One thread at a time; the kernels and the thread pool must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tenfold/base/result.h"
#include "tenfold/bench/statistics.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/platform/aligned_buffer.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tensor/data_type.h"

namespace tenfold::bench {

// The multiply-add that does a kernel's work.
enum class Arithmetic { kF32, kBf16, kInt8 };
// Where a kernel's data come from.
enum class Memory { kDram, kCache };

std::string_view Name(Arithmetic arithmetic);
std::string_view Name(Memory memory);

// The arithmetic in which products with weights of this type are done.
Arithmetic ArithmeticOf(tensor::DataType type);

struct MachineLimits {
  Spread dram_bytes_per_s;
  Spread cache_bytes_per_s;
  Spread f32_operations_per_s;  // a multiply-add is two operations
  Spread bf16_operations_per_s;
  Spread int8_operations_per_s;
};

// Bytes that no core's share of the last-level cache holds; reading through them in turn reads from memory. The system
// reports the cache of a whole socket (hundreds of MiB), of which a core reaches 32 to 96 MiB.
inline constexpr size_t kBeyondCaches = size_t{256} << 20;

class LimitMeter {
 public:
  // `dram_bytes`: the buffer whose reading is timed, kBeyondCaches unless the caller knows better.
  static Result<LimitMeter> Create(const kernels::KernelTable& kernels, platform::ThreadPool& threads,
                                   size_t dram_bytes);

  // One sample each.
  double OperationsPerSecond(Arithmetic arithmetic);
  double BytesPerSecond(Memory memory);

  MachineLimits MeasureAll(int repeat);

  int num_threads() const { return threads_->num_threads(); }
  size_t buffer_bytes() const { return buffer_.size_bytes(); }

 private:
  LimitMeter(const kernels::KernelTable& kernels, platform::ThreadPool& threads, platform::AlignedBuffer buffer);

  const kernels::PeakLoop& loop(Arithmetic arithmetic) const;
  // Seconds for all threads together.
  double TimeLoop(const kernels::PeakLoop& loop, int64_t iterations);
  void Read(size_t offset, size_t size_bytes);

  const kernels::PeakRates* peak_;
  platform::ThreadPool* threads_;
  platform::AlignedBuffer buffer_;
  size_t next_offset_ = 0;
  int64_t iterations_[3];  // of each arithmetic's loop in a sample's piece
};

}  // namespace tenfold::bench
