#include "tenfold/bench/numbers.h"

#include <algorithm>
#include <cstring>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::bench {
namespace {

constexpr int64_t kDistinctNumbers = 4093;  // prime
constexpr int64_t kDistinctRows = 61;       // prime

}  // namespace

std::vector<float> RandomFloats(int64_t count, uint64_t stream) {
  std::vector<float> numbers(static_cast<size_t>(count));
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(UniformDouble(/*seed=*/1, stream, i) * 2 - 1);
  }
  return numbers;
}

void FillWithNumbers(tensor::DataType type, std::span<std::byte> memory, platform::ThreadPool& threads) {
  std::vector<std::byte> pattern(tensor::Traits(type).block_elements == 1 ? tensor::RowBytes(type, kDistinctNumbers)
                                                                          : size_t{kDistinctNumbers});
  if (tensor::Traits(type).block_elements == 1) {
    tensor::QuantizeRow(type, RandomFloats(kDistinctNumbers, 1), pattern.data());
  } else {
    for (size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<std::byte>(0x20 + Philox(1, 1, i)[0] % 8);
  }
  const auto num_patterns = static_cast<int64_t>((memory.size() + pattern.size() - 1) / pattern.size());
  threads.Run(num_patterns, [&](int64_t piece, int) {
    const size_t offset = static_cast<size_t>(piece) * pattern.size();
    std::memcpy(memory.data() + offset, pattern.data(), std::min(pattern.size(), memory.size() - offset));
  });
}

std::vector<std::byte> RandomWeights(tensor::DataType type, int64_t rows, int64_t cols, platform::ThreadPool& threads) {
  const size_t row_bytes = tensor::RowBytes(type, cols);
  std::vector<std::byte> weights(row_bytes * static_cast<size_t>(rows));
  threads.Run(std::min(rows, kDistinctRows), [&](int64_t row, int) {
    const std::vector<float> values = RandomFloats(cols, 100 + static_cast<uint64_t>(row));
    tensor::QuantizeRow(type, values, weights.data() + static_cast<size_t>(row) * row_bytes);
  });
  threads.Run(rows, [&](int64_t row, int) {
    if (row < kDistinctRows) return;
    std::memcpy(weights.data() + static_cast<size_t>(row) * row_bytes,
                weights.data() + static_cast<size_t>(row % kDistinctRows) * row_bytes, row_bytes);
  });
  return weights;
}

}  // namespace tenfold::bench
