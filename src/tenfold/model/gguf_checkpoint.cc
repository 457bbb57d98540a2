#include <utility>

#include "tenfold/formats/gguf.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/model/generation_config.h"
#include "tenfold/model/gguf_vocabulary.h"

namespace tenfold::model {
namespace {

// From interleaved pairs (0, 1), (2, 3), ... within each head to halves: row (half s, pair i) was row 2 i + s.
std::vector<int32_t> HalvesFromInterleaved(int64_t num_heads, int64_t head_dim) {
  std::vector<int32_t> order;
  order.reserve(static_cast<size_t>(num_heads * head_dim));
  for (int64_t head = 0; head < num_heads; ++head) {
    for (int64_t s = 0; s < 2; ++s) {
      for (int64_t i = 0; i < head_dim / 2; ++i) order.push_back(static_cast<int32_t>(head * head_dim + 2 * i + s));
    }
  }
  return order;
}

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
    if (config.rotary.dimensions != config.head_dim) {
      return MakeError(ErrorCode::kUnsupported,
                       "{}: rotary positions on {} of {} head dimensions are not supported for llama", path.string(),
                       config.rotary.dimensions, config.head_dim);
    }
    return checkpoint;
  }

  Result<CheckpointTensor> Tensor(const std::string& name) const override {
    CheckpointTensor tensor;
    ASSIGN_OR_RETURN(tensor.view, file_.Tensor(name));
    if (name.ends_with(".attn_q.weight")) tensor.row_order = HalvesFromInterleaved(config_.num_heads, config_.head_dim);
    if (name.ends_with(".attn_k.weight"))
      tensor.row_order = HalvesFromInterleaved(config_.num_kv_heads, config_.head_dim);
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
