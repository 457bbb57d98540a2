#include "tenfold/training/adamw.h"

#include <cmath>

#include "tenfold/base/check.h"

namespace tenfold::training {

void AdamWStep(const AdamWOptions& options, int64_t step, double learning_rate, double gradient_scale, bool decays,
               const AdamWRange& range) {
  CHECK_GE(step, 1);
  const size_t count = range.weight.size();
  CHECK(range.gradient.size() == count && range.first_moment.size() == count && range.second_moment.size() == count);
  const auto t = static_cast<double>(step);
  const auto scale = static_cast<float>(gradient_scale);
  const auto beta1 = static_cast<float>(options.beta1), beta2 = static_cast<float>(options.beta2);
  const auto rest1 = static_cast<float>(1 - options.beta1), rest2 = static_cast<float>(1 - options.beta2);
  const auto kept = static_cast<float>(1 - (decays ? learning_rate * options.weight_decay : 0));
  const auto step_size = static_cast<float>(learning_rate / (1 - std::pow(options.beta1, t)));
  const auto root_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(options.beta2, t)));
  const auto epsilon = static_cast<float>(options.epsilon);
  const float* const gradient = range.gradient.data();
  float* const weight = range.weight.data();
  float* const first = range.first_moment.data();
  float* const second = range.second_moment.data();
  for (size_t i = 0; i < count; ++i) {
    const float g = gradient[i] * scale;
    first[i] = beta1 * first[i] + rest1 * g;
    second[i] = beta2 * second[i] + rest2 * g * g;
    weight[i] = weight[i] * kept - step_size * first[i] / (std::sqrt(second[i]) * root_scale + epsilon);
  }
}

}  // namespace tenfold::training
