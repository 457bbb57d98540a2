#include "training_weights.h"

#include <algorithm>

#include "tenfold/training/gradient_clipping.h"

namespace tenfold {

TrainingWeights::TrainingWeights(const graph::Graph& graph, const Tensors& tensors) : layout_(graph) {
  const auto num_floats = static_cast<size_t>(layout_.num_floats());
  for (auto* const buffer : {&weights_, &gradients_, &first_moments_, &second_moments_}) buffer->resize(num_floats);
  for (const auto& entry : layout_.entries())
    std::ranges::copy(tensors.at(entry.name), &weights_[static_cast<size_t>(entry.offset)]);
}

std::vector<graph::TrainingParameter> TrainingWeights::Bind(const graph::Graph& graph) {
  std::vector<graph::TrainingParameter> bound;
  for (const graph::Parameter& parameter : graph.parameters) {
    const int64_t offset = layout_.entry(parameter.name).offset;
    bound.push_back({weights_.data() + offset, gradients_.data() + offset});
  }
  return bound;
}

void TrainingWeights::ClearGradients() {
  std::ranges::fill(gradients_, 0.0f);
}

double TrainingWeights::Update(const training::AdamWOptions& options, int64_t step, double learning_rate,
                               double max_norm, platform::ThreadPool& threads) {
  const double norm = training::GradientNorm(gradients_);
  const double scale = training::ClipScale(norm, max_norm);
  struct Range {
    size_t begin, count;
    bool decays;
  };
  std::vector<Range> ranges;
  for (const auto& entry : layout_.entries()) {
    constexpr int64_t kRange = 1 << 14;
    for (int64_t begin = 0; begin < entry.size; begin += kRange) {
      ranges.push_back({static_cast<size_t>(entry.offset + begin),
                        static_cast<size_t>(std::min(kRange, entry.size - begin)), entry.decays});
    }
  }
  threads.Run(static_cast<int64_t>(ranges.size()), [&](int64_t piece, int) {
    const Range& range = ranges[static_cast<size_t>(piece)];
    const auto part = [&](std::vector<float>& buffer) { return std::span(buffer).subspan(range.begin, range.count); };
    training::AdamWStep(options, step, learning_rate, scale, range.decays,
                        {part(gradients_), part(weights_), part(first_moments_), part(second_moments_)});
  });
  return norm;
}

}  // namespace tenfold
