#include <utility>

#include "tenfold/formats/gguf.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/model/generation_config.h"
#include "tenfold/model/gguf_row_order.h"
#include "tenfold/model/gguf_vocabulary.h"

namespace tenfold::model {
namespace {

class GgufCheckpoint final : public Checkpoint {
 public:
  static Result<std::unique_ptr<Checkpoint>> Open(const std::filesystem::path& path) {
    auto checkpoint = std::make_unique<GgufCheckpoint>();
    ASSIGN_OR_RETURN(checkpoint->file_, formats::GgufFile::Open(path));
    checkpoint->source_ = path.string();
    ASSIGN_OR_RETURN(checkpoint->config_, ConfigFromGguf(checkpoint->file_));
    ASSIGN_OR_RETURN(checkpoint->vocabulary_, ReadGgufVocabulary(checkpoint->file_));
    ASSIGN_OR_RETURN(checkpoint->sampling_defaults_, SamplingDefaultsFrom(checkpoint->file_));
    const ModelConfig& config = checkpoint->config_;
    if (config.architecture == "llama" && config.rotary.dimensions != config.head_dim) {
      return MakeError(ErrorCode::kUnsupported,
                       "{}: rotary positions on {} of {} head dimensions are not supported for llama", path.string(),
                       config.rotary.dimensions, config.head_dim);
    }
    return checkpoint;
  }

  Result<CheckpointTensor> Tensor(const std::string& name) const override {
    CheckpointTensor tensor;
    ASSIGN_OR_RETURN(tensor.view, file_.Tensor(name));
    tensor.row_order = GgufRowsOfModel(config_, name);
    return tensor;
  }

  void DropResidentPages(const tensor::TensorView& tensor) const override {
    file_.file().DropResidentPages({tensor.data, tensor.size_bytes()});
  }

 private:
  formats::GgufFile file_;
};

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenGgufCheckpoint(const std::filesystem::path& path) {
  return GgufCheckpoint::Open(path);
}

}  // namespace tenfold::model
