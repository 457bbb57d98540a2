// TrainingRun: the loop over steps, from the first or from the newest checkpoint to the last, and everything that
// happens between them: validation, metrics, samples, checkpoints.
//
// A checkpoint is written every checkpoint-interval steps, after an evaluation that is the best so far, after the last
// step and where the run is stopped; the newest few and the best are kept.
//
// A run is a function of its config, its data and its first weights: however often it is interrupted, by a signal, by
// the loss of power or by --resume with another number of threads, it ends with the same bits.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tenfold/base/result.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/training/metrics_log.h"
#include "tenfold/training/run_data.h"
#include "tenfold/training/run_folder.h"
#include "tenfold/training/trainer.h"
#include "tenfold/training/training_config.h"
#include "tenfold/training/training_state.h"

namespace tenfold::training {

// Who watches a run. Called between steps, on the run's thread.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void OnStep(const StepMetrics&) {}
  virtual void OnSample(int64_t /*step*/, const std::string& /*text*/) {}
  virtual void OnCheckpoint(int64_t /*step*/) {}
  // Asked after each step but the last: true ends the run there, after a checkpoint.
  virtual bool WantsToStop() { return false; }
};

// Writes a text with the weights as they are.
using Sampler = std::function<Result<std::string>(Trainer& trainer)>;

class TrainingRun {
 public:
  struct Parts {
    TrainingConfig config;  // resolved
    const RunFolder* folder = nullptr;
    Trainer* trainer = nullptr;
    RunData* data = nullptr;
    Sampler sampler;  // none: no samples
  };

  // Continues from the newest checkpoint, where the folder has one, and writes config.toml. All of `parts` outlive the
  // run. Errors: those of reading a checkpoint, and kInvalidArgument for one of a later step than the last or of other
  // data, saying what differs, after which config.toml is as it was; kIo.
  static Result<std::unique_ptr<TrainingRun>> Create(Parts parts);

  // To the last step, or to where the observer stops it. Errors: those of a step (a loss or weights that are no
  // numbers) and of writing; the newest checkpoint is whole all the same.
  Status Continue(RunObserver& observer);

  const TrainingState& state() const { return state_; }
  const std::optional<Validation>& last_validation() const { return last_validation_; }
  double last_loss() const { return last_loss_; }
  bool is_finished() const { return state_.step >= parts_.config.num_steps; }

 private:
  TrainingRun(Parts parts, MetricsLog metrics) : parts_(std::move(parts)), metrics_(std::move(metrics)) {}

  Status RunStep(RunObserver& observer);
  Result<std::optional<Validation>> Validate();  // nullopt: there is no text for it
  Status WriteSample(RunObserver& observer);
  Status WriteCheckpoint(RunObserver& observer);
  // Errors: kInvalidArgument where the step has made a weight infinite or NaN, naming both.
  Status CheckWeights() const;
  std::string LastCheckpoint() const;  // for errors: from where --resume goes on
  // What a checkpoint brings with it: older ones go, the curve is drawn.
  Status FollowCheckpoint() const;
  Status CutSamples();
  bool IsDue(int64_t interval) const { return interval > 0 && state_.step % interval == 0; }

  Parts parts_;
  MetricsLog metrics_;
  TrainingState state_;
  int64_t last_checkpoint_ = 0;  // 0: none
  std::optional<Validation> last_validation_;
  double last_loss_ = 0;
};

// On `num_batches` of the validation text, 0 for all of it. Errors: those of reading.
Result<Validation> MeasureValidation(Trainer& trainer, const RunData& data, int64_t num_batches);

}  // namespace tenfold::training
