#include "tenfold/training/adamw.h"

#include <cmath>

#include "tenfold/base/check.h"

namespace tenfold::training {
namespace {

// What is the same for all elements of a step.
struct StepFactors {
  float gradient_scale;
  float beta1, rest1;  // rest = 1 - beta, taken in f64
  float beta2, rest2;
  float kept;        // of a weight
  float step_size;   // rate, without the bias of the first moment
  float root_scale;  // without the bias of the second
  float epsilon;
};

StepFactors FactorsOf(const AdamWOptions& options, int64_t step, double learning_rate, double gradient_scale,
                      bool decays) {
  const auto t = static_cast<double>(step);
  return {.gradient_scale = static_cast<float>(gradient_scale),
          .beta1 = static_cast<float>(options.beta1),
          .rest1 = static_cast<float>(1 - options.beta1),
          .beta2 = static_cast<float>(options.beta2),
          .rest2 = static_cast<float>(1 - options.beta2),
          .kept = static_cast<float>(1 - (decays ? learning_rate * options.weight_decay : 0)),
          .step_size = static_cast<float>(learning_rate / (1 - std::pow(options.beta1, t))),
          .root_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(options.beta2, t))),
          .epsilon = static_cast<float>(options.epsilon)};
}

constexpr size_t kLanes = 16;

// A loop of a known length over arrays that do not overlap: vector instructions at any level of optimization.
template <size_t kCount>
[[gnu::always_inline]] inline void Update(const StepFactors& factors, const float* __restrict gradient,
                                          float* __restrict weight, float* __restrict first, float* __restrict second) {
  const StepFactors f = factors;
  for (size_t i = 0; i < kCount; ++i) {
    const float g = gradient[i] * f.gradient_scale;
    const float m = f.beta1 * first[i] + f.rest1 * g;
    const float v = f.beta2 * second[i] + f.rest2 * g * g;
    first[i] = m;
    second[i] = v;
    weight[i] = weight[i] * f.kept - f.step_size * m / (std::sqrt(v) * f.root_scale + f.epsilon);
  }
}

// Once for each width of vectors, chosen when the program starts: 128 bits do not keep up with memory. Nothing is
// contracted, so all give the same bits.
#if defined(__x86_64__) && defined(__gnu_linux__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
void UpdateAll(const StepFactors& factors, size_t count, const float* gradient, float* weight, float* first,
               float* second) {
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) Update<kLanes>(factors, gradient + i, weight + i, first + i, second + i);
  for (; i < count; ++i) Update<1>(factors, gradient + i, weight + i, first + i, second + i);
}

}  // namespace

void AdamWStep(const AdamWOptions& options, int64_t step, double learning_rate, double gradient_scale, bool decays,
               const AdamWRange& range) {
  CHECK_GE(step, 1);
  const size_t count = range.weight.size();
  CHECK(range.gradient.size() == count && range.first_moment.size() == count && range.second_moment.size() == count);
  const StepFactors factors = FactorsOf(options, step, learning_rate, gradient_scale, decays);
  UpdateAll(factors, count, range.gradient.data(), range.weight.data(), range.first_moment.data(),
            range.second_moment.data());
}

}  // namespace tenfold::training
