#include "tenfold/training/gradient_clipping.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace tenfold::training {

double GradientNorm(std::span<const float> gradients) {
  constexpr size_t kPiece = 4096;
  double total = 0;
  for (size_t begin = 0; begin < gradients.size(); begin += kPiece) {
    double sum = 0;
    for (const float g : gradients.subspan(begin, std::min(kPiece, gradients.size() - begin))) {
      sum += static_cast<double>(g) * static_cast<double>(g);
    }
    total += sum;
  }
  return std::sqrt(total);
}

double ClipScale(double norm, double max_norm) {
  return max_norm > 0 && norm > max_norm ? max_norm / norm : 1;
}

}  // namespace tenfold::training
