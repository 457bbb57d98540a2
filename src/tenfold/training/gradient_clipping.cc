#include "tenfold/training/gradient_clipping.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "tenfold/base/check.h"
#include "tenfold/base/rounding.h"

namespace tenfold::training {
namespace {

constexpr size_t kPiece = size_t{1} << 14;

// Eight chains, so that no sum waits for the one before it.
double SumOfSquares(std::span<const float> values) {
  constexpr size_t kChains = 8;
  double sums[kChains] = {};
  size_t i = 0;
  for (; i + kChains <= values.size(); i += kChains) {
    for (size_t chain = 0; chain < kChains; ++chain) {
      const auto value = static_cast<double>(values[i + chain]);
      sums[chain] += value * value;
    }
  }
  for (; i < values.size(); ++i) sums[i % kChains] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

size_t NumNormSums(size_t num_gradients) {
  return CeilDivide(num_gradients, kPiece);
}

double GradientNorm(std::span<const float> gradients, platform::ThreadPool& threads, std::span<double> sums) {
  CHECK_EQ(sums.size(), NumNormSums(gradients.size()));
  threads.Run(static_cast<int64_t>(sums.size()), [&](int64_t piece, int) {
    const size_t begin = static_cast<size_t>(piece) * kPiece;
    sums[static_cast<size_t>(piece)] =
        SumOfSquares(gradients.subspan(begin, std::min(kPiece, gradients.size() - begin)));
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return std::sqrt(total);
}

double ClipScale(double norm, double max_norm) {
  return max_norm > 0 && norm > max_norm ? max_norm / norm : 1;
}

}  // namespace tenfold::training
