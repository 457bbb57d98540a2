// Checkpoint: a model on disk, whatever its format: numbers, vocabulary, and tensors by one set of names.
//
// Tensors answer to GGUF's names ("blk.0.attn_q.weight"). The two layouts of query and key rows meet here: GGUF files
// of the llama family hold rotary pairs interleaved, Hugging Face files in halves; every reader states the order in
// which rows must be taken so that pairs are (i, i + half), and so there is one rotary operation. Hugging Face files of
// gpt2 hold products' weights transposed, which is said too.
//
// Immutable; owns the mapped files, so views of its tensors live as long as it does.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/model/model_config.h"
#include "tenfold/sampling/sampling_defaults.h"
#include "tenfold/tensor/tensor_view.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::model {

struct CheckpointTensor {
  tensor::TensorView view;
  std::vector<int32_t> row_order;  // row i of the model is row row_order[i] of the view; empty: as they stand
  bool is_transposed = false;      // the model's tensor is the transpose of the view, which is of two dimensions

  tensor::Shape shape() const;  // of the model's tensor
};

class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  const ModelConfig& config() const { return config_; }
  const tokenizer::Vocabulary& vocabulary() const { return vocabulary_; }
  // What the files recommend, as it stands there.
  const sampling::SamplingDefaults& sampling_defaults() const { return sampling_defaults_; }
  const std::string& source() const { return source_; }

  // Errors: kNotFound, naming the tensor and the file; kUnsupported for a type that cannot be computed with.
  virtual Result<CheckpointTensor> Tensor(const std::string& name) const = 0;

  // Lets a tensor's pages of the mapped files leave resident memory, once it is packed elsewhere.
  virtual void DropResidentPages(const tensor::TensorView& tensor) const = 0;

 protected:
  std::string source_;
  ModelConfig config_;
  tokenizer::Vocabulary vocabulary_;
  sampling::SamplingDefaults sampling_defaults_;
};

// Opens a GGUF file or a Hugging Face folder. Errors name the path, the field and the way out.
Result<std::unique_ptr<Checkpoint>> OpenCheckpoint(const std::filesystem::path& path);

// The two formats (gguf_checkpoint.cc, hugging_face_checkpoint.cc).
Result<std::unique_ptr<Checkpoint>> OpenGgufCheckpoint(const std::filesystem::path& path);
Result<std::unique_ptr<Checkpoint>> OpenHuggingFaceCheckpoint(const std::filesystem::path& folder);

}  // namespace tenfold::model
