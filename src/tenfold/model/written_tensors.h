// Which tensors a written model has, and in which types. Internal to the writers (model_writer.h).
#pragma once

#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/graph/graph.h"
#include "tenfold/model/model_writer.h"

namespace tenfold::model {

struct WrittenTensor {
  graph::Parameter parameter;
  tensor::DataType type;
  bool is_fallback = false;  // from a mix's type whose blocks do not fit
  bool is_absent = false;    // a bias that the model does not have: zeros
};

enum class Container { kGguf, kSafetensors };

// Each tensor once, in the order of the model's graph. Errors: those of the source; kInvalidArgument for a mix of
// quantized types in a container that has none.
Result<std::vector<WrittenTensor>> ListWrittenTensors(const ModelContent& content, const WeightMix* mix,
                                                      Container container);

// Its rows, as the model has them.
Result<RowReader> OpenWrittenTensor(const ModelContent& content, const WrittenTensor& tensor);

WriteSummary Summarize(const std::vector<WrittenTensor>& tensors, const WeightMix* mix);

// The mix itself, or the one that is named like the type of most weights.
const WeightMix& MixOf(const std::vector<WrittenTensor>& tensors, const WeightMix* mix);

}  // namespace tenfold::model
