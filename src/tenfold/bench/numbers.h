// Numbers to compute with: drawn once, always the same, never denormal, infinite or NaN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/platform/thread_pool.h"
#include "tenfold/tensor/data_type.h"

namespace tenfold::bench {

// Uniform in [-1, 1).
std::vector<float> RandomFloats(int64_t count, uint64_t stream);

// Fills memory with such numbers of type F32, F16, BF16 or Q8_0, on all threads. They repeat with a period that is
// prime to every tile and page, so that a kernel which reads the wrong place reads other numbers. For Q8_0 all bytes
// serve as numbers as well as, in pairs, as F16 scales near 0.01.
void FillWithNumbers(tensor::DataType type, std::span<std::byte> memory, platform::ThreadPool& threads);

// Weights [rows, cols] of any type that QuantizeRow writes, on all threads; rows repeat with such a period.
std::vector<std::byte> RandomWeights(tensor::DataType type, int64_t rows, int64_t cols, platform::ThreadPool& threads);

}  // namespace tenfold::bench
