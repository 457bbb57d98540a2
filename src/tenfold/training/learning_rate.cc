#include "tenfold/training/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tenfold::training {

double LearningRateSchedule::At(int64_t step) const {
  if (step < num_warmup_steps) return peak * static_cast<double>(step) / static_cast<double>(num_warmup_steps);
  if (shape == Shape::kConstant) return peak;
  const int64_t num_falling =
      shape == Shape::kCosine ? num_steps - num_warmup_steps : std::min(num_decay_steps, num_steps);
  const int64_t num_fallen = std::clamp<int64_t>(step - (num_steps - num_falling), 0, num_falling);
  if (num_fallen == 0) return peak;
  const double progress = static_cast<double>(num_fallen) / static_cast<double>(num_falling);
  const double height = shape == Shape::kCosine ? (1 + std::cos(std::numbers::pi * progress)) / 2 : 1 - progress;
  return peak * (final_share + (1 - final_share) * height);
}

}  // namespace tenfold::training
