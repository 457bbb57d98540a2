// The learning rate of each step: a linear warm-up, then one of three shapes.
//
//   constant                 stays
//   cosine                   falls to the end along half a cosine (Loshchilov and Hutter, ICLR 2017)
//   warm-up-stable-decay     stays, and falls linearly over the last steps (MiniCPM, 2024)
#pragma once

#include <cstdint>

namespace tenfold::training {

struct LearningRateSchedule {
  enum class Shape : uint8_t { kConstant, kCosine, kWarmupStableDecay };

  Shape shape = Shape::kCosine;
  double peak = 1e-3;
  double final_share = 0.1;  // of the peak, at the end
  int64_t num_warmup_steps = 0;
  int64_t num_decay_steps = 0;  // kWarmupStableDecay: at the end
  int64_t num_steps = 1;        // in all

  // Of step `step`, counted from 1: the peak is reached at the last step of the warm-up, the final rate at the last
  // step; afterwards it stays there.
  double At(int64_t step) const;
};

}  // namespace tenfold::training
