// Model: everything loaded that is needed to run it: configuration, tokenizer, graph, weights.
//
// Immutable after Load and shared by whoever runs it; several runners may use one Model at once.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/graph/executor.h"
#include "tenfold/graph/graph.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/model/model_config.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/sampling/sampling_defaults.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::model {

class Model {
 public:
  // Opens the GGUF file or Hugging Face folder and packs its weights on all threads.
  static Result<std::unique_ptr<Model>> Load(const std::filesystem::path& path, platform::ThreadPool& threads);

  const ModelConfig& config() const { return checkpoint_->config(); }
  const tokenizer::Tokenizer& tokenizer() const { return tokenizer_; }
  const graph::Graph& graph() const { return graph_; }
  const std::vector<graph::BoundParameter>& parameters() const { return parameters_; }
  const std::string& chat_template() const { return checkpoint_->vocabulary().chat_template; }
  const sampling::SamplingDefaults& sampling_defaults() const { return checkpoint_->sampling_defaults(); }
  size_t weight_bytes() const;

 private:
  Model(std::unique_ptr<Checkpoint> checkpoint, tokenizer::Tokenizer tokenizer);

  std::unique_ptr<Checkpoint> checkpoint_;
  tokenizer::Tokenizer tokenizer_;
  graph::Graph graph_;
  std::vector<graph::BoundParameter> parameters_;
};

}  // namespace tenfold::model
