// The weights of a training run in flat buffers, with their gradients, and the update by AdamW.
#pragma once

#include <span>
#include <vector>

#include "tenfold/graph/training_executor.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/training/adamw.h"
#include "tenfold/training/parameter_layout.h"

#include "training_job.h"

namespace tenfold {

class TrainingWeights {
 public:
  TrainingWeights(const graph::Graph& graph, const Tensors& tensors);

  // For an executor of the same graph. The buffers never move.
  std::vector<graph::TrainingParameter> Bind(const graph::Graph& graph);

  void ClearGradients();
  // Scales the gradient to at most `max_norm` (0: leaves it), updates; returns the gradient's norm before.
  double Update(const training::AdamWOptions& options, int64_t step, double learning_rate, double max_norm,
                platform::ThreadPool& threads);

  const training::ParameterLayout& layout() const { return layout_; }
  std::span<const float> weight(const training::ParameterLayout::Entry& entry) const { return Part(weights_, entry); }
  std::span<const float> gradient(const training::ParameterLayout::Entry& entry) const {
    return Part(gradients_, entry);
  }

 private:
  static std::span<const float> Part(const std::vector<float>& buffer, const training::ParameterLayout::Entry& entry) {
    return std::span(buffer).subspan(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.size));
  }

  training::ParameterLayout layout_;
  std::vector<float> weights_, gradients_, first_moments_, second_moments_;
};

}  // namespace tenfold
