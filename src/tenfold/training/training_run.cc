#include "tenfold/training/training_run.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <numbers>
#include <utility>
#include <vector>

#include "tenfold/base/print.h"
#include "tenfold/formats/partial_file.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/training/finite_weights.h"

namespace tenfold::training {
namespace {

using Clock = std::chrono::steady_clock;

double CpuSeconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

std::string SampleHeading(int64_t step) {
  return fmt::format("=== after step {}\n", step);
}

// That the checkpoint at `path` is of the data that this run reads.
Status CheckSameData(const DataIdentity& there, const DataIdentity& here, const std::filesystem::path& path) {
  if (there == here) return {};
  std::string difference = "another text than train-files and validation-share say";
  if (there.vocabulary_hash != here.vocabulary_hash) difference = "another vocabulary than the run's folder has";
  if (there.context != here.context) {
    difference = fmt::format("context-length {}, and this run has {}", there.context, here.context);
  }
  return MakeError(ErrorCode::kInvalidArgument,
                   "{}: it was trained with {}; continue with what it began with, or train into another folder",
                   path.string(), difference);
}

}  // namespace

Result<Validation> MeasureValidation(Trainer& trainer, const RunData& data, int64_t num_batches) {
  Validation validation;
  double sum = 0;
  double num_bytes = 0;
  for (int64_t i = 0; num_batches == 0 || i < num_batches; ++i) {
    ASSIGN_OR_RETURN(const std::optional<ValidationBatch> next, data.ReadValidationBatch(i));
    if (!next) break;
    sum += trainer.Evaluate(next->batch);
    validation.num_tokens += static_cast<int64_t>(next->batch.targets.size());
    num_bytes += next->num_bytes;
  }
  if (validation.num_tokens > 0) validation.loss = sum / static_cast<double>(validation.num_tokens);
  if (num_bytes > 0) validation.bits_per_byte = sum / std::numbers::ln2 / num_bytes;
  return validation;
}

Result<std::unique_ptr<TrainingRun>> TrainingRun::Create(Parts parts) {
  Trainer& trainer = *parts.trainer;
  const CheckpointFolder checkpoints = parts.folder->checkpoints();
  const std::vector<int64_t> steps = checkpoints.Steps();
  TrainingState state;
  if (!steps.empty()) {
    ASSIGN_OR_RETURN(state, ReadTrainingState(checkpoints.FileOf(steps.back()), trainer.layout(),
                                              {trainer.weights(), trainer.first_moments(), trainer.second_moments()}));
    if (state.step > parts.config.num_steps) {
      return MakeError(ErrorCode::kInvalidArgument, "{}: steps is {}; the run is at step {} already",
                       parts.folder->path().string(), parts.config.num_steps, state.step);
    }
    RETURN_IF_ERROR(CheckSameData(state.identity, parts.data->identity(), checkpoints.FileOf(steps.back())));
    trainer.set_step(state.step);
    RETURN_IF_ERROR(parts.data->Seek(state.data));
    parts.folder->Log(fmt::format("continues after step {}", state.step));
  }
  // Not before the checkpoint is known to fit: what is refused must not change with what the run goes on.
  RETURN_IF_ERROR(parts.folder->WriteConfig(parts.config));
  ASSIGN_OR_RETURN(MetricsLog metrics, MetricsLog::Open(parts.folder->metrics_file(), state.step));
  std::unique_ptr<TrainingRun> run(new TrainingRun(std::move(parts), std::move(metrics)));
  run->state_ = state;
  run->state_.identity = run->parts_.data->identity();
  run->last_checkpoint_ = state.step;
  RETURN_IF_ERROR(run->CutSamples());
  if (state.step > 0) {
    if (!run->metrics_.curve().training.empty()) run->last_loss_ = run->metrics_.curve().training.back().loss;
    RETURN_IF_ERROR(run->FollowCheckpoint());  // where the process was killed just before it
  }
  return run;
}

Status TrainingRun::Continue(RunObserver& observer) {
  bool stops = false;
  while (!is_finished() && !stops) {
    Status status = RunStep(observer);
    stops = status && !is_finished() && observer.WantsToStop();
    const bool is_best = state_.best_step == state_.step;
    const bool checkpoints = stops || is_finished() || is_best || IsDue(parts_.config.checkpoint_interval);
    if (status && checkpoints) status = WriteCheckpoint(observer);
    if (!status) {
      parts_.folder->Log(status.error().message);
      return status;
    }
  }
  return {};
}

Status TrainingRun::RunStep(RunObserver& observer) {
  const TrainingConfig& config = parts_.config;
  const Clock::time_point start = Clock::now();
  const double cpu_start = CpuSeconds();
  StepMetrics metrics;
  ASSIGN_OR_RETURN(metrics.report,
                   parts_.trainer->Step({.count = config.num_micro_batches,
                                         .num_targets = config.tokens_per_step(),
                                         .next = [this](int64_t) { return parts_.data->NextMicroBatch(); }}));
  metrics.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  metrics.cpu_seconds = CpuSeconds() - cpu_start;

  state_.step = metrics.report.step;
  state_.data = parts_.data->state();
  state_.num_tokens += metrics.report.num_targets;
  metrics.num_tokens = state_.num_tokens;
  last_loss_ = metrics.report.loss;
  const bool evaluates = config.evaluation_interval > 0 && (is_finished() || IsDue(config.evaluation_interval));
  const bool samples = IsDue(config.sample_interval);
  if (evaluates || samples) RETURN_IF_ERROR(CheckWeights());
  if (evaluates) {
    ASSIGN_OR_RETURN(metrics.validation, Validate());
    if (metrics.validation) last_validation_ = metrics.validation;
    if (metrics.validation && metrics.validation->loss < state_.best_loss) {
      state_.best_loss = metrics.validation->loss;
      state_.best_step = state_.step;
    }
  }
  state_.seconds += std::chrono::duration<double>(Clock::now() - start).count();
  RETURN_IF_ERROR(metrics_.Append(metrics));
  observer.OnStep(metrics);
  if (samples) RETURN_IF_ERROR(WriteSample(observer));
  return {};
}

Result<std::optional<Validation>> TrainingRun::Validate() {
  ASSIGN_OR_RETURN(const Validation validation,
                   MeasureValidation(*parts_.trainer, *parts_.data, parts_.config.num_evaluation_batches));
  if (validation.num_tokens == 0) return std::nullopt;
  parts_.folder->Log(fmt::format("step {}: training loss {:.4f}, validation loss {:.4f}, {:.4f} bits per byte",
                                 state_.step, last_loss_, validation.loss, validation.bits_per_byte));
  return validation;
}

Status TrainingRun::WriteCheckpoint(RunObserver& observer) {
  const CheckpointFolder checkpoints = parts_.folder->checkpoints();
  Trainer& trainer = *parts_.trainer;
  RETURN_IF_ERROR(CheckWeights());
  RETURN_IF_ERROR(metrics_.Sync());  // a run that goes on from here has the lines of all steps before
  const Status written = WriteTrainingState(checkpoints.FileOf(state_.step), state_, trainer.layout(),
                                            {trainer.weights(), trainer.first_moments(), trainer.second_moments()});
  if (!written) {
    return MakeError(written.error().code, "step {}: {}; {}", state_.step, written.error().message, LastCheckpoint());
  }
  last_checkpoint_ = state_.step;
  parts_.folder->Log(fmt::format("step {}: checkpoint", state_.step));
  observer.OnCheckpoint(state_.step);
  return FollowCheckpoint();
}

Status TrainingRun::CheckWeights() const {
  Trainer& trainer = *parts_.trainer;
  const auto parameter = FirstNotFinite(trainer.layout(), trainer.weights(), trainer.threads());
  if (!parameter) return {};
  return MakeError(ErrorCode::kInvalidArgument,
                   "step {}: its update made numbers of {} infinite, or no numbers; a lower learning-rate or more "
                   "warmup-steps may help; {}",
                   state_.step, *parameter, LastCheckpoint());
}

std::string TrainingRun::LastCheckpoint() const {
  if (last_checkpoint_ == 0) return "there is no checkpoint yet";
  return fmt::format("the checkpoint of step {} is whole, --resume continues there", last_checkpoint_);
}

Status TrainingRun::FollowCheckpoint() const {
  parts_.folder->checkpoints().Prune(parts_.config.num_kept_checkpoints, state_.best_step);
  return formats::WriteWhole(parts_.folder->curve_file(), DrawLossCurve(metrics_.curve(), parts_.config.num_steps,
                                                                        parts_.folder->path().filename().string()));
}

Status TrainingRun::WriteSample(RunObserver& observer) {
  if (parts_.sampler == nullptr) return {};
  ASSIGN_OR_RETURN(const std::string text, parts_.sampler(*parts_.trainer));
  const std::filesystem::path path = parts_.folder->samples_file();
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "abe"), std::fclose);
  if (file != nullptr) Print(file.get(), "{}{}\n\n", SampleHeading(state_.step), text);
  if (file == nullptr || std::fflush(file.get()) != 0 || std::ferror(file.get()) != 0) {
    return MakeError(ErrorCode::kIo, "{}: cannot be written", path.string());
  }
  observer.OnSample(state_.step, text);
  return {};
}

// Samples of steps that will be computed again go.
Status TrainingRun::CutSamples() {
  const std::filesystem::path path = parts_.folder->samples_file();
  if (!std::filesystem::exists(path)) return {};
  ASSIGN_OR_RETURN(std::string text, platform::ReadTextFile(path));
  const int64_t interval = parts_.config.sample_interval;
  if (interval == 0) return {};
  const std::string next = SampleHeading((state_.step / interval + 1) * interval);
  const size_t begin = text.find(next);
  if (begin == std::string::npos) return {};
  text.resize(begin);
  return formats::WriteWhole(path, text);
}

}  // namespace tenfold::training
