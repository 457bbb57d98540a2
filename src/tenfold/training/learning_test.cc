// The pieces of training together, in the plain interpreter: a tiny Llama learns texts by heart.
#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/graph/autodiff.h"
#include "tenfold/graph/reference_interpreter.h"
#include "tenfold/model/architectures/llama.h"
#include "tenfold/training/adamw.h"
#include "tenfold/training/gradient_clipping.h"
#include "tenfold/training/learning_rate.h"
#include "tenfold/training/parameter_layout.h"

namespace tenfold::training {
namespace {

using Interpreter = graph::ReferenceInterpreter<float>;

graph::Graph TinyLlama() {
  model::ModelConfig config;
  config.num_layers = 2;
  config.hidden_size = 16;
  config.ffn_size = 32;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 4;
  config.vocab_size = 12;
  config.rotary.dimensions = 4;
  config.tied_head = true;
  return model::BuildLlama(config);
}

// Whole sequences as a batch whose gradients count as a share of `num_targets` in all.
graph::TrainingBatch BatchOf(const std::vector<std::vector<TokenId>>& sequences, double num_targets) {
  graph::TrainingBatch batch;
  batch.gradient_scale = 1 / num_targets;
  for (const std::vector<TokenId>& sequence : sequences) {
    for (size_t i = 0; i + 1 < sequence.size(); ++i) {
      batch.target_rows.push_back(static_cast<int32_t>(batch.tokens.size() + i));
      batch.targets.push_back(sequence[i + 1]);
    }
    batch.tokens.insert(batch.tokens.end(), sequence.begin(), sequence.end());
    batch.sequence_lengths.push_back(static_cast<int64_t>(sequence.size()));
  }
  return batch;
}

class Learner {
 public:
  Learner()
      : training_(graph::Differentiate(TinyLlama())),
        layout_(training_.graph),
        weights_(static_cast<size_t>(layout_.num_floats())),
        gradients_(weights_.size()),
        first_moments_(weights_.size()),
        second_moments_(weights_.size()) {
    std::mt19937_64 random(1);
    std::normal_distribution<float> normal(0, 0.2f);
    for (const auto& entry : layout_.entries()) {
      for (float& weight : View(weights_, entry)) weight = entry.decays ? normal(random) : 1;
    }
  }

  // One step on micro-batches whose gradients add up; the mean loss before it.
  double Step(const std::vector<std::vector<std::vector<TokenId>>>& micro_batches) {
    double num_targets = 0, loss = 0;
    for (const auto& sequences : micro_batches) {
      for (const auto& sequence : sequences) num_targets += static_cast<double>(sequence.size() - 1);
    }
    Interpreter::Tensors tensors;
    for (const auto& entry : layout_.entries()) {
      const auto view = View(weights_, entry);
      tensors[entry.name].assign(view.begin(), view.end());
    }
    Interpreter interpreter(training_.graph, tensors);
    std::ranges::fill(gradients_, 0.0f);
    for (const auto& sequences : micro_batches) {
      const graph::TrainingBatch batch = BatchOf(sequences, num_targets);
      interpreter.Run(batch);
      for (const float each : interpreter.value(training_.graph.output)) loss += each / num_targets;
      for (const auto& entry : layout_.entries()) {
        const auto view = View(gradients_, entry);
        const std::vector<float>& gradient = interpreter.gradients().at(entry.name);
        for (size_t i = 0; i < view.size(); ++i) view[i] += gradient[i];
      }
    }
    std::vector<double> sums(NumNormSums(gradients_.size()));
    const double scale = ClipScale(GradientNorm(gradients_, threads_, sums), /*max_norm=*/1);
    ++step_;
    for (const auto& entry : layout_.entries()) {
      AdamWStep(
          {}, step_, schedule_.At(step_), scale, entry.decays,
          {View(gradients_, entry), View(weights_, entry), View(first_moments_, entry), View(second_moments_, entry)});
    }
    return loss;
  }

 private:
  static std::span<float> View(std::vector<float>& buffer, const ParameterLayout::Entry& entry) {
    return std::span(buffer).subspan(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.size));
  }

  platform::ThreadPool threads_{1};
  graph::TrainingGraph training_;
  ParameterLayout layout_;
  std::vector<float> weights_, gradients_, first_moments_, second_moments_;
  LearningRateSchedule schedule_{.peak = 0.02, .num_warmup_steps = 10, .num_steps = 120};
  int64_t step_ = 0;
};

const std::vector<std::vector<TokenId>> kTexts = {
    {0, 1, 2, 3, 4, 5, 6}, {0, 6, 5, 4, 3, 2, 1}, {7, 8, 7, 9, 7, 10}, {11, 1, 1, 2, 2, 3, 3, 4}};

TEST(LearningTest, ATinyModelLearnsByHeart) {
  Learner learner;
  const double before = learner.Step({kTexts});
  double after = before;
  for (int step = 0; step < 119; ++step) after = learner.Step({kTexts});
  EXPECT_GT(before, 2) << "it began knowing something: a guess of twelve costs 2.5";
  // Where texts begin alike, it cannot know which it is: two of four begin with 0, and the first two share it.
  const double unavoidable = 2 * std::log(2.0) / 24;
  EXPECT_NEAR(after, unavoidable, 0.05);
}

TEST(LearningTest, MicroBatchesAddUp) {
  Learner whole, parts;
  for (int step = 0; step < 20; ++step) {
    const double expected = whole.Step({kTexts});
    ASSERT_NEAR(parts.Step({{kTexts[0]}, {kTexts[1], kTexts[2]}, {kTexts[3]}}), expected, 1e-5) << "step " << step;
  }
}

}  // namespace
}  // namespace tenfold::training
