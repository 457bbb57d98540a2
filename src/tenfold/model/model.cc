#include "tenfold/model/model.h"

#include <utility>

#include "tenfold/model/architectures.h"
#include "tenfold/model/weights.h"

namespace tenfold::model {

Model::Model(std::unique_ptr<Checkpoint> checkpoint, tokenizer::Tokenizer tokenizer)
    : checkpoint_(std::move(checkpoint)), tokenizer_(std::move(tokenizer)), graph_(BuildGraph(checkpoint_->config())) {}

Result<std::unique_ptr<Model>> Model::Load(const std::filesystem::path& path, platform::ThreadPool& threads) {
  ASSIGN_OR_RETURN(std::unique_ptr<Checkpoint> checkpoint, OpenCheckpoint(path));
  ASSIGN_OR_RETURN(tokenizer::Tokenizer tokenizer, tokenizer::Tokenizer::Create(checkpoint->vocabulary()));
  const int64_t vocab_size = checkpoint->config().vocab_size;
  if (tokenizer.bos() >= vocab_size || tokenizer.eos() >= vocab_size) {
    return MakeError(ErrorCode::kCorrupt,
                     "{}: tokens {} and {} begin and end a text, but the embedding table has {} rows", path.string(),
                     tokenizer.bos(), tokenizer.eos(), vocab_size);
  }
  std::unique_ptr<Model> model(new Model(std::move(checkpoint), std::move(tokenizer)));
  ASSIGN_OR_RETURN(model->parameters_, LoadWeights(model->graph_, *model->checkpoint_, threads));
  return model;
}

size_t Model::weight_bytes() const {
  return WeightBytes(parameters_);
}

}  // namespace tenfold::model
