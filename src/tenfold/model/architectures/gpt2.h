// The GPT-2 architecture: learned positions, LayerNorm before each half, attention with as many key-value heads as heads,
// GELU.
//
// Radford et al., "Language Models are Unsupervised Multitask Learners", 2019. `has_biases` false is nanoGPT's form of
// it.
#pragma once

#include "tenfold/graph/graph.h"
#include "tenfold/model/model_config.h"

namespace tenfold::model {

graph::Graph BuildGpt2(const ModelConfig& config);

}  // namespace tenfold::model
