// The model architectures that tenfold knows. Each is one function that writes its graph (law 1), in architectures/.
#pragma once

#include <string>
#include <string_view>

#include "tenfold/base/result.h"
#include "tenfold/graph/graph.h"
#include "tenfold/model/model_config.h"

namespace tenfold::model {

// Errors: kUnsupported, naming the architecture, `source` and what is supported.
Status CheckArchitecture(std::string_view architecture, const std::string& source);

// The graph of a configuration whose architecture passed CheckArchitecture.
graph::Graph BuildGraph(const ModelConfig& config);

}  // namespace tenfold::model
