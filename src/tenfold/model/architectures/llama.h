// The Llama architecture: grouped-query attention with rotary positions, RMSNorm before each half, SwiGLU.
//
// Touvron et al., arXiv 2302.13971 and 2307.09288. Mistral, TinyLlama, SmolLM and many more are this graph with other
// numbers.
#pragma once

#include "tenfold/graph/graph.h"
#include "tenfold/model/model_config.h"

namespace tenfold::model {

graph::Graph BuildLlama(const ModelConfig& config);

}  // namespace tenfold::model
