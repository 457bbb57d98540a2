#include "tenfold/model/written_tensors.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/model/architectures.h"
#include "tenfold/tensor/tensor_view.h"

namespace tenfold::model {
namespace {

using tensor::DataType;

bool IsFloat(DataType type) {
  return tensor::Traits(type).block_elements == 1;
}

// `kept` is the type that the source has it in.
void ChooseType(const ModelConfig& config, const WeightMix* mix, Container container, DataType kept,
                WrittenTensor& tensor) {
  const auto& [name, shape, use] = tensor.parameter;
  if (!IsInMixes(name, shape)) {
    const bool keeps = container == Container::kSafetensors && mix == nullptr && IsFloat(kept);
    tensor.type = keeps ? kept : DataType::kF32;
    return;
  }
  if (mix == nullptr) {
    tensor.type = container == Container::kGguf || IsFloat(kept) ? kept : DataType::kF32;
    return;
  }
  const DataType wanted = TypeOf(*mix, PlaceOf(name, config.num_layers, config.tied_head));
  tensor.type = TypeForRowsOf(shape.cols(), wanted);
  tensor.is_fallback = tensor.type != wanted;
}

size_t SizeBytes(const WrittenTensor& tensor) {
  return tensor::TensorView{tensor.type, tensor.parameter.shape}.size_bytes();
}

}  // namespace

Result<std::vector<WrittenTensor>> ListWrittenTensors(const ModelContent& content, const WeightMix* mix,
                                                      Container container) {
  if (container == Container::kSafetensors && mix != nullptr && !IsFloat(mix->type)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{}: a Hugging Face folder has F32, F16 or BF16 weights; write a .gguf file for others",
                     mix->name);
  }
  ModelConfig config = *content.config;
  const bool lacks_biases = config.architecture == "gpt2" && !config.has_biases;
  config.has_biases = config.has_biases || lacks_biases;
  std::vector<WrittenTensor> tensors;
  std::set<std::string> names;
  for (const graph::Parameter& parameter : BuildGraph(config).parameters) {
    if (!names.insert(parameter.name).second) continue;  // a tied head
    WrittenTensor tensor{.parameter = parameter, .type = DataType::kF32};
    tensor.is_absent = lacks_biases && parameter.name.ends_with(".bias");
    if (!tensor.is_absent) {
      ASSIGN_OR_RETURN(const DataType kept, content.weights->TypeOf(parameter.name));
      ChooseType(config, mix, container, kept, tensor);
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Result<RowReader> OpenWrittenTensor(const ModelContent& content, const WrittenTensor& tensor) {
  if (!tensor.is_absent) return content.weights->Open(tensor.parameter);
  return [](int64_t, std::span<float> out) { std::ranges::fill(out, 0.0f); };
}

const WeightMix& MixOf(const std::vector<WrittenTensor>& tensors, const WeightMix* mix) {
  if (mix != nullptr) return *mix;
  std::map<DataType, int64_t> elements;
  for (const WrittenTensor& tensor : tensors) {
    if (tensor.parameter.shape.rank() > 1) elements[tensor.type] += tensor.parameter.shape.num_elements();
  }
  const auto most =
      std::ranges::max_element(elements, {}, [](const auto& type_and_count) { return type_and_count.second; });
  CHECK(most != elements.end());
  return *FindWeightMix(Name(most->first));
}

WriteSummary Summarize(const std::vector<WrittenTensor>& tensors, const WeightMix* mix) {
  WriteSummary summary;
  summary.matrix_types = MixOf(tensors, mix).name;
  for (const WrittenTensor& tensor : tensors) {
    summary.num_parameters += tensor.parameter.shape.num_elements();
    summary.num_fallbacks += tensor.is_fallback ? 1 : 0;
    summary.size_bytes += SizeBytes(tensor);
  }
  return summary;
}

}  // namespace tenfold::model
