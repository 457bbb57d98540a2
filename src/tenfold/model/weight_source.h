// WeightSource: where the weights of a model that is written come from: a checkpoint, or a trainer's memory.
//
// Tensors answer to GGUF's names, with the shapes and the order of rows that the model's graph has (rotary pairs in
// halves, nothing transposed).
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "tenfold/base/result.h"
#include "tenfold/graph/graph.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/model/tensor_rows.h"
#include "tenfold/tensor/data_type.h"

namespace tenfold::model {

class WeightSource {
 public:
  virtual ~WeightSource() = default;

  // The type that the tensor's numbers are kept in. Errors: kNotFound.
  virtual Result<tensor::DataType> TypeOf(const std::string& name) const = 0;

  // The tensor's rows; `tensor` tells its name and the shape that the model's configuration implies. A writer asks for
  // one tensor after the other, each once, and lets the reader go before the next. Errors: kNotFound; kCorrupt for
  // another shape.
  virtual Result<RowReader> Open(const graph::Parameter& tensor) const = 0;
};

// The weights of a checkpoint, which outlives it.
class CheckpointWeights final : public WeightSource {
 public:
  explicit CheckpointWeights(const Checkpoint& checkpoint) : checkpoint_(&checkpoint) {}
  Result<tensor::DataType> TypeOf(const std::string& name) const override;
  Result<RowReader> Open(const graph::Parameter& tensor) const override;

 private:
  const Checkpoint* checkpoint_;
};

// Weights in memory as f32, row-major.
class FloatWeights final : public WeightSource {
 public:
  // The numbers of the tensor with this name. They may lie in one flat buffer, or be brought there when they are asked
  // for; they stay until the next call.
  using Find = std::function<std::span<const float>(const std::string& name)>;
  explicit FloatWeights(Find find) : find_(std::move(find)) {}
  Result<tensor::DataType> TypeOf(const std::string& name) const override;
  Result<RowReader> Open(const graph::Parameter& tensor) const override;

 private:
  Find find_;
};

}  // namespace tenfold::model
