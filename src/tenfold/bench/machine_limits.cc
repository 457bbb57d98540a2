#include "tenfold/bench/machine_limits.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "tenfold/base/rounding.h"
#include "tenfold/bench/stopwatch.h"
#include "tenfold/kernels/packed_rows.h"

namespace tenfold::bench {
namespace {

constexpr double kSampleSeconds = 1e-3;
// Several per thread, so that a core which the system takes away holds up a part of a sample only.
constexpr int64_t kPiecesPerThread = 4;
constexpr size_t kReadPiece = size_t{1} << 20;
// A millisecond's reading at 60 GB/s.
constexpr size_t kDramSample = size_t{64} << 20;
// Fits where a step's activations lie, in the second level or just beyond.
constexpr size_t kCacheSample = size_t{2} << 20;
constexpr int kCacheRounds = 16;

}  // namespace

std::string_view Name(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::kF32:
      return "f32";
    case Arithmetic::kBf16:
      return "bf16";
    case Arithmetic::kInt8:
      return "int8";
  }
  return "";
}

std::string_view Name(Memory memory) {
  return memory == Memory::kDram ? "memory" : "cache";
}

Arithmetic ArithmeticOf(tensor::DataType type) {
  switch (kernels::RowFormatFor(type)) {
    case kernels::RowFormat::kF32:
      return Arithmetic::kF32;
    case kernels::RowFormat::kBf16:
      return Arithmetic::kBf16;
    case kernels::RowFormat::kInt8:
      return Arithmetic::kInt8;
  }
  return Arithmetic::kF32;
}

Result<LimitMeter> LimitMeter::Create(const kernels::KernelTable& kernels, platform::ThreadPool& threads,
                                      size_t dram_bytes) {
  const size_t size_bytes = RoundUp(std::max(dram_bytes, kReadPiece), kReadPiece);
  ASSIGN_OR_RETURN(platform::AlignedBuffer buffer,
                   platform::AlignedBuffer::Allocate(size_bytes, "measuring the read bandwidth"));
  // Ones: untouched pages would all be the same page of zeros, which never leaves the cache.
  threads.Run(static_cast<int64_t>(size_bytes / kReadPiece), [&](int64_t piece, int) {
    std::fill_n(reinterpret_cast<float*>(buffer.data() + static_cast<size_t>(piece) * kReadPiece),
                kReadPiece / sizeof(float), 1.0f);
  });
  return LimitMeter(kernels, threads, std::move(buffer));
}

LimitMeter::LimitMeter(const kernels::KernelTable& kernels, platform::ThreadPool& threads,
                       platform::AlignedBuffer buffer)
    : peak_(&kernels.peak), threads_(&threads), buffer_(std::move(buffer)) {
  for (const Arithmetic arithmetic : {Arithmetic::kF32, Arithmetic::kBf16, Arithmetic::kInt8}) {
    int64_t iterations = 1000;
    double seconds = TimeLoop(loop(arithmetic), iterations);
    while (seconds < kSampleSeconds / 4) seconds = TimeLoop(loop(arithmetic), iterations *= 2);
    iterations_[static_cast<int>(arithmetic)] =
        std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(iterations) * kSampleSeconds / seconds));
  }
}

const kernels::PeakLoop& LimitMeter::loop(Arithmetic arithmetic) const {
  switch (arithmetic) {
    case Arithmetic::kF32:
      return peak_->multiply_add_f32;
    case Arithmetic::kBf16:
      return peak_->dot_bf16;
    default:
      return peak_->dot_int8;
  }
}

double LimitMeter::TimeLoop(const kernels::PeakLoop& loop, int64_t iterations) {
  const auto run = [&] {
    threads_->Run(threads_->num_threads() * kPiecesPerThread, [&](int64_t, int) { loop.run(iterations); });
  };
  return TimeUndisturbed(threads_->num_threads(), run).seconds;
}

void LimitMeter::Read(size_t offset, size_t size_bytes) {
  const size_t piece_bytes = std::min(kReadPiece, size_bytes / static_cast<size_t>(threads_->num_threads()));
  threads_->Run(static_cast<int64_t>(size_bytes / piece_bytes), [&](int64_t piece, int) {
    const std::byte* const from = buffer_.data() + offset + static_cast<size_t>(piece) * piece_bytes;
    peak_->read(reinterpret_cast<const float*>(from), static_cast<int64_t>(piece_bytes / sizeof(float)));
  });
}

double LimitMeter::OperationsPerSecond(Arithmetic arithmetic) {
  const int64_t iterations = iterations_[static_cast<int>(arithmetic)];
  const double seconds = TimeLoop(loop(arithmetic), iterations);
  return static_cast<double>(loop(arithmetic).operations * iterations * threads_->num_threads() * kPiecesPerThread) /
         seconds;
}

double LimitMeter::BytesPerSecond(Memory memory) {
  const size_t wanted = memory == Memory::kDram ? kDramSample : kCacheSample;
  const size_t sample_bytes = std::min(wanted, buffer_.size_bytes());
  const int rounds = memory == Memory::kDram ? 1 : kCacheRounds;
  // Another try reads another part: this one may be in the cache by now.
  const auto read = [&] {
    if (next_offset_ + sample_bytes > buffer_.size_bytes()) next_offset_ = 0;
    const size_t offset = memory == Memory::kDram ? std::exchange(next_offset_, next_offset_ + sample_bytes) : 0;
    for (int round = 0; round < rounds; ++round) Read(offset, sample_bytes);
  };
  return rounds * static_cast<double>(sample_bytes) / TimeUndisturbed(threads_->num_threads(), read).seconds;
}

MachineLimits LimitMeter::MeasureAll(int repeat) {
  std::vector<double> dram, cache, operations[3];
  for (int i = 0; i < repeat; ++i) {
    dram.push_back(BytesPerSecond(Memory::kDram));
    cache.push_back(BytesPerSecond(Memory::kCache));
    for (const Arithmetic arithmetic : {Arithmetic::kF32, Arithmetic::kBf16, Arithmetic::kInt8}) {
      operations[static_cast<int>(arithmetic)].push_back(OperationsPerSecond(arithmetic));
    }
  }
  return {.dram_bytes_per_s = SpreadOf(dram),
          .cache_bytes_per_s = SpreadOf(cache),
          .f32_operations_per_s = SpreadOf(operations[0]),
          .bf16_operations_per_s = SpreadOf(operations[1]),
          .int8_operations_per_s = SpreadOf(operations[2])};
}

}  // namespace tenfold::bench
