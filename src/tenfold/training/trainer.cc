#include "tenfold/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"
#include "tenfold/base/rounding.h"
#include "tenfold/training/gradient_clipping.h"
#include "tenfold/training/initial_weights.h"

namespace tenfold::training {
namespace {

// Floats of a range that one thread updates: 64 KiB of each of four arrays, whole pages, many ranges for each thread.
constexpr int64_t kRange = 1 << 14;

// Another one for each micro-batch of each step, so that a run that is continued drops what it would have dropped.
uint64_t DropoutSeed(uint64_t seed, int64_t step, uint64_t micro_batch) {
  const auto draws = Philox(seed, static_cast<uint64_t>(step), micro_batch);
  return uint64_t{draws[0]} << 32 | draws[1];
}

}  // namespace

Trainer::Trainer(const TrainingConfig& config, platform::ThreadPool& threads)
    : config_(config),
      threads_(&threads),
      graph_(std::make_unique<const graph::TrainingGraph>(BuildTrainingGraph(config))),
      layout_(graph_->graph),
      schedule_(ScheduleOf(config)) {}

Result<std::unique_ptr<Trainer>> Trainer::Create(const TrainingConfig& config, const kernels::KernelTable& kernels,
                                                 platform::ThreadPool& threads) {
  std::unique_ptr<Trainer> trainer(new Trainer(config, threads));
  const size_t buffer_bytes = static_cast<size_t>(trainer->layout_.num_floats()) * sizeof(float);
  const auto allocate = [&](const char* what) { return platform::AlignedBuffer::Allocate(buffer_bytes, what); };
  ASSIGN_OR_RETURN(trainer->weights_, allocate("weights"));
  ASSIGN_OR_RETURN(trainer->gradients_, allocate("gradients"));
  ASSIGN_OR_RETURN(trainer->first_moments_, allocate("mean gradients"));
  ASSIGN_OR_RETURN(trainer->second_moments_, allocate("mean squares of gradients"));

  std::vector<graph::TrainingParameter> parameters;
  for (const graph::Parameter& parameter : trainer->graph_->graph.parameters) {
    const int64_t offset = trainer->layout_.entry(parameter.name).offset;
    parameters.push_back({Floats(trainer->weights_).data() + offset, Floats(trainer->gradients_).data() + offset});
  }
  ASSIGN_OR_RETURN(
      graph::TrainingExecutor executor,
      graph::TrainingExecutor::Create(*trainer->graph_, std::move(parameters), LimitsOf(config),
                                      config.precision == "bf16" ? kernels::Precision::kBf16 : kernels::Precision::kF32,
                                      kernels, threads));
  trainer->executor_ = std::make_unique<graph::TrainingExecutor>(std::move(executor));
  trainer->ranges_ = trainer->layout_.Ranges(kRange);
  trainer->norm_sums_.resize(NumNormSums(static_cast<size_t>(trainer->layout_.num_floats())));
  DrawInitialWeights(trainer->layout_, config.model.num_layers, config.seed, threads, trainer->weights());
  return trainer;
}

Result<StepReport> Trainer::Step(std::span<const graph::TrainingBatch> micro_batches) {
  MicroBatches all{
      .count = static_cast<int64_t>(micro_batches.size()),
      .next = [&](int64_t index) -> Result<graph::TrainingBatch> { return micro_batches[static_cast<size_t>(index)]; }};
  for (const graph::TrainingBatch& batch : micro_batches) all.num_targets += static_cast<int64_t>(batch.targets.size());
  return Step(all);
}

Result<StepReport> Trainer::Step(const MicroBatches& micro_batches) {
  StepReport report{
      .step = step_ + 1, .learning_rate = schedule_.At(step_ + 1), .num_targets = micro_batches.num_targets};
  CHECK_GT(report.num_targets, 0);
  ClearGradients();
  int64_t num_targets = 0;
  for (int64_t i = 0; i < micro_batches.count; ++i) {
    ASSIGN_OR_RETURN(graph::TrainingBatch batch, micro_batches.next(i));
    batch.dropout_seed = DropoutSeed(config_.seed, report.step, static_cast<uint64_t>(i));
    batch.gradient_scale = 1 / static_cast<double>(report.num_targets);
    report.loss += executor_->Run(batch) / static_cast<double>(report.num_targets);
    num_targets += static_cast<int64_t>(batch.targets.size());
  }
  CHECK_EQ(num_targets, report.num_targets);
  report.gradient_norm = GradientNorm(Floats(gradients_), *threads_, norm_sums_);
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "step {}: the loss is {} and the gradient's norm {}; the weights are left as they were before. A "
                     "lower learning-rate, more warmup-steps or precision f32 may help",
                     report.step, report.loss, report.gradient_norm);
  }
  Update(report.learning_rate, ClipScale(report.gradient_norm, config_.max_gradient_norm));
  step_ = report.step;
  return report;
}

void Trainer::ClearGradients() {
  const std::span<float> gradients = Floats(gradients_);
  const auto count = static_cast<int64_t>(gradients.size());
  threads_->Run(CeilDivide(count, kRange), [&](int64_t piece, int) {
    const int64_t begin = piece * kRange;
    std::fill_n(gradients.begin() + begin, std::min(kRange, count - begin), 0.0f);
  });
}

void Trainer::Update(double learning_rate, double gradient_scale) {
  threads_->Run(static_cast<int64_t>(ranges_.size()), [&](int64_t piece, int) {
    const ParameterLayout::Range& range = ranges_[static_cast<size_t>(piece)];
    const auto part = [&](platform::AlignedBuffer& buffer) {
      return Floats(buffer).subspan(static_cast<size_t>(range.offset), static_cast<size_t>(range.count));
    };
    AdamWStep(config_.adamw, step_ + 1, learning_rate, gradient_scale, range.entry->decays,
              {part(gradients_), part(weights_), part(first_moments_), part(second_moments_)});
  });
}

std::span<const float> Trainer::weight(const ParameterLayout::Entry& entry) const {
  const auto* const floats = reinterpret_cast<const float*>(weights_.data());
  return {floats + entry.offset, static_cast<size_t>(entry.size)};
}

MemoryAccount Trainer::allocated() const {
  return {.weight_bytes = weights_.size_bytes(),
          .gradient_bytes = gradients_.size_bytes(),
          .moment_bytes = first_moments_.size_bytes() + second_moments_.size_bytes(),
          .activation_bytes = executor_->activation_bytes()};
}

}  // namespace tenfold::training
