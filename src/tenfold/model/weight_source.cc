#include "tenfold/model/weight_source.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::model {

Result<tensor::DataType> CheckpointWeights::TypeOf(const std::string& name) const {
  ASSIGN_OR_RETURN(const CheckpointTensor tensor, checkpoint_->Tensor(name));
  return tensor.view.type;
}

Result<RowReader> CheckpointWeights::Open(const graph::Parameter& tensor) const {
  ASSIGN_OR_RETURN(const CheckpointTensor source, checkpoint_->Tensor(tensor.name));
  if (source.shape() != tensor.shape) {
    return MakeError(ErrorCode::kCorrupt, "{}: tensor {} has shape {}, but the model's configuration implies {}",
                     checkpoint_->source(), tensor.name, source.shape().ToString(), tensor.shape.ToString());
  }
  // When the reader is let go, so are the pages of the file that it has read.
  const std::shared_ptr<const void> dropper(
      nullptr, [checkpoint = checkpoint_, view = source.view](const void*) { checkpoint->DropResidentPages(view); });
  return [rows = ReadRows(source), dropper](int64_t row, std::span<float> out) { rows(row, out); };
}

Result<tensor::DataType> FloatWeights::TypeOf(const std::string&) const {
  return tensor::DataType::kF32;
}

Result<RowReader> FloatWeights::Open(const graph::Parameter& tensor) const {
  const std::span<const float> values = find_(tensor.name);
  CHECK_EQ(static_cast<int64_t>(values.size()), tensor.shape.num_elements());
  return [values](int64_t row, std::span<float> out) {
    std::ranges::copy(values.subspan(static_cast<size_t>(row) * out.size(), out.size()), out.begin());
  };
}

}  // namespace tenfold::model
