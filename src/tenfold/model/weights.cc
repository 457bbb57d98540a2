#include "tenfold/model/weights.h"

#include "tenfold/base/progress.h"
#include "tenfold/model/tensor_rows.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::model {
namespace {

Result<graph::BoundParameter> Load(const graph::Parameter& parameter, const CheckpointTensor& source,
                                   platform::ThreadPool& threads) {
  graph::BoundParameter bound;
  switch (parameter.use) {
    case graph::ParameterUse::kTable:
      bound.table = source.view;
      break;
    case graph::ParameterUse::kMatrix: {
      std::vector<std::byte> transposed;
      tensor::TensorView view = source.view;
      if (source.is_transposed) {
        transposed = Transpose(source.view);
        view = {source.view.type, source.shape(), transposed.data()};
      }
      auto packed = kernels::PackedMatrix::Pack(view, source.row_order, threads);
      if (!packed) return MakeError(packed.error().code, "tensor {}: {}", parameter.name, packed.error().message);
      bound.matrix = *std::move(packed);
      break;
    }
    case graph::ParameterUse::kVector:
      bound.vector.resize(static_cast<size_t>(source.view.shape.num_elements()));
      tensor::DequantizeRow(source.view.type, source.view.data, bound.vector);
      break;
  }
  return bound;
}

}  // namespace

Result<std::vector<graph::BoundParameter>> LoadWeights(const graph::Graph& graph, const Checkpoint& checkpoint,
                                                       platform::ThreadPool& threads) {
  std::vector<CheckpointTensor> sources;
  size_t total_bytes = 0;
  for (const graph::Parameter& parameter : graph.parameters) {
    ASSIGN_OR_RETURN(CheckpointTensor source, checkpoint.Tensor(parameter.name));
    if (source.shape() != parameter.shape) {
      return MakeError(ErrorCode::kCorrupt, "{}: tensor {} has shape {}, but the model's configuration implies {}",
                       checkpoint.source(), parameter.name, source.shape().ToString(), parameter.shape.ToString());
    }
    total_bytes += source.view.size_bytes();
    sources.push_back(std::move(source));
  }
  std::vector<graph::BoundParameter> bound;
  ProgressBar progress("Loading weights", total_bytes);
  for (size_t i = 0; i < graph.parameters.size(); ++i) {
    auto parameter = Load(graph.parameters[i], sources[i], threads);
    if (!parameter) {
      return MakeError(parameter.error().code, "{}: {}", checkpoint.source(), parameter.error().message);
    }
    bound.push_back(*std::move(parameter));
    checkpoint.DropResidentPages(sources[i].view);
    progress.Advance(sources[i].view.size_bytes());
  }
  return bound;
}

size_t WeightBytes(const std::vector<graph::BoundParameter>& parameters) {
  size_t total = 0;
  for (const graph::BoundParameter& parameter : parameters) {
    total += parameter.matrix.size_bytes() + parameter.vector.size() * sizeof(float);
    if (parameter.table.data != nullptr) total += parameter.table.size_bytes();
  }
  return total;
}

}  // namespace tenfold::model
