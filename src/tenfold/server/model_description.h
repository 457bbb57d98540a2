// ModelDescription: what requests are read and answered by that the engine does not say of its model.
#pragma once

#include "tenfold/engine/request.h"
#include "tenfold/sampling/sampling_defaults.h"
#include "tenfold/server/embedding_request.h"

namespace tenfold::server {

struct ModelDescription {
  sampling::SamplingDefaults sampling_defaults = {};  // for what requests leave out
  EmbeddingSizes embedding_sizes = {};
  engine::Pooling pooling = engine::Pooling::kLast;  // of embeddings
};

}  // namespace tenfold::server
