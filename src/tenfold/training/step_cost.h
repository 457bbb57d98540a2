// What a training step costs in arithmetic, counted on the model's graph: for speeds that can be compared with what a
// machine can do.
#pragma once

#include "tenfold/training/training_config.h"

namespace tenfold::training {

// Additions and multiplications of the matrix products and of causal attention, the backward pass counted as twice the
// forward pass (the "model FLOPs" of PaLM, 2022, appendix B). What recomputation adds does not count.
double OperationsPerStep(const TrainingConfig& config);

}  // namespace tenfold::training
