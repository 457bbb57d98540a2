// AdamW (Loshchilov and Hutter, ICLR 2019, algorithm 2), with PyTorch's meaning of its parameters.
//
// An element's update depends on that element alone, so that any split of a buffer into ranges gives the same bits.
#pragma once

#include <cstdint>
#include <span>

namespace tenfold::training {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;  // a step takes this share of the weight, times the learning rate, away
};

// A range of the flat buffers, all of one length.
struct AdamWRange {
  std::span<const float> gradient;
  std::span<float> weight;
  std::span<float> first_moment;
  std::span<float> second_moment;
};

// Step `step`, counted from 1. Gradients count as multiplied by `gradient_scale` (clipping).
//
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   w = w - rate * decay * w - rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
void AdamWStep(const AdamWOptions& options, int64_t step, double learning_rate, double gradient_scale, bool decays,
               const AdamWRange& range);

}  // namespace tenfold::training
