// Trainer: a model's weights, their gradients and the optimizer's moments, and the step that moves them.
//
// A step runs micro-batches, whose gradients add up to that of the mean loss over all their targets; then it shortens
// the gradient to its greatest norm and updates all weights by AdamW. Buffers are flat (parameter_layout.h), updates
// go over fixed ranges of them: the weights after a step are the same bits on any number of threads.
//
// One thread at a time; kernels and threads must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/graph/training_batch.h"
#include "tenfold/graph/training_executor.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/platform/aligned_buffer.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/training/memory_account.h"
#include "tenfold/training/parameter_layout.h"
#include "tenfold/training/training_config.h"

namespace tenfold::training {

struct StepReport {
  int64_t step = 0;  // counted from 1
  double loss = 0;   // nats per target, before the step's update
  double learning_rate = 0;
  double gradient_norm = 0;  // before it was shortened
  int64_t num_targets = 0;
};

// What a step is made of, taken one at a time, so that there is never more than one in memory.
struct MicroBatches {
  int64_t count = 0;
  int64_t num_targets = 0;  // of all of them
  // From the first on. Errors: those of reading.
  std::function<Result<graph::TrainingBatch>(int64_t index)> next;
};

class Trainer {
 public:
  // `config` is resolved. Weights are drawn by its seed, moments are zero. Errors: kResourceExhausted.
  static Result<std::unique_ptr<Trainer>> Create(const TrainingConfig& config, const kernels::KernelTable& kernels,
                                                 platform::ThreadPool& threads);

  // One update. Sets the batches' gradient scales and dropout seeds; allocates nothing after the first. Errors: those of
  // `next`, and kInvalidArgument when the loss or the gradient's norm is not a number, naming the step; then nothing has
  // changed.
  Result<StepReport> Step(const MicroBatches& micro_batches);
  // Of batches that are at hand; copies them.
  Result<StepReport> Step(std::span<const graph::TrainingBatch> micro_batches);

  // The sum of the losses over the batch's targets, in nats, without dropout and z-loss.
  double Evaluate(const graph::TrainingBatch& batch) { return executor_->Evaluate(batch); }

  // The logits [R, vocab_size] of the batch's R target rows.
  void ComputeLogits(const graph::TrainingBatch& batch, std::span<float> logits) {
    executor_->ComputeLogits(batch, logits);
  }

  const TrainingConfig& config() const { return config_; }
  int64_t step() const { return step_; }  // updates done
  void set_step(int64_t step) { step_ = step; }
  const ParameterLayout& layout() const { return layout_; }
  platform::ThreadPool& threads() const { return *threads_; }

  // Buffers of the layout. Who changes them from outside continues a checkpoint.
  std::span<float> weights() { return Floats(weights_); }
  std::span<float> first_moments() { return Floats(first_moments_); }
  std::span<float> second_moments() { return Floats(second_moments_); }
  std::span<const float> weight(const ParameterLayout::Entry& entry) const;

  // What is allocated, to be compared with what was foretold (memory_account.h).
  MemoryAccount allocated() const;

 private:
  Trainer(const TrainingConfig& config, platform::ThreadPool& threads);

  static std::span<float> Floats(platform::AlignedBuffer& buffer) {
    return {reinterpret_cast<float*>(buffer.data()), buffer.size_bytes() / sizeof(float)};
  }
  void ClearGradients();
  void Update(double learning_rate, double gradient_scale);

  TrainingConfig config_;
  platform::ThreadPool* threads_;
  std::unique_ptr<const graph::TrainingGraph> graph_;
  ParameterLayout layout_;
  LearningRateSchedule schedule_;
  platform::AlignedBuffer weights_, gradients_, first_moments_, second_moments_;
  std::vector<ParameterLayout::Range> ranges_;  // what one thread updates at a time
  std::vector<double> norm_sums_;               // room for GradientNorm
  std::unique_ptr<graph::TrainingExecutor> executor_;
  int64_t step_ = 0;
};

}  // namespace tenfold::training
