// The memory of a training run by formula, before anything is allocated: 16 bytes for each parameter (weight, gradient
// and two moments of AdamW in f32; ZeRO, SC 2020, section 3.1, has this account for 16 bits) and the activations that
// the backward pass needs.
#pragma once

#include <cstddef>
#include <string>

#include "tenfold/graph/memory_plan.h"
#include "tenfold/training/training_config.h"

namespace tenfold::training {

struct MemoryAccount {
  size_t weight_bytes = 0;
  size_t gradient_bytes = 0;
  size_t moment_bytes = 0;
  size_t activation_bytes = 0;

  size_t total() const { return weight_bytes + gradient_bytes + moment_bytes + activation_bytes; }
  // "4.4 MiB: weights 1.1, …", one line.
  std::string ToString() const;
};

// Of a micro-batch.
graph::BatchLimits LimitsOf(const TrainingConfig& config);

// `config` is resolved.
MemoryAccount AccountMemory(const TrainingConfig& config);

}  // namespace tenfold::training
