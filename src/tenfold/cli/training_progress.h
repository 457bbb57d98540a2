// TrainingProgress: a run as one sees it on standard error: a line that changes in place on a terminal, a line now and
// then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "tenfold/cli/stop_signal.h"
#include "tenfold/training/training_run.h"

namespace tenfold::cli {

class TrainingProgress : public training::RunObserver {
 public:
  struct Facts {
    int64_t num_steps = 0;
    double operations_per_step = 0;
    double operations_per_s_limit = 0;  // of this machine, measured; 0: not known
  };

  explicit TrainingProgress(const Facts& facts);
  ~TrainingProgress() override;

  void OnStep(const training::StepMetrics& metrics) override;
  void OnSample(int64_t step, const std::string& text) override;
  void OnCheckpoint(int64_t step) override;
  bool WantsToStop() override;

  // After the last step: from now on Ctrl-C ends the program at once, as it does any other.
  void ReleaseSignals() { stop_.reset(); }

  // Of the steps so far.
  double tokens_per_s() const;
  double share_of_limit() const;  // 0 to 1; 0 when not known

 private:
  using Clock = std::chrono::steady_clock;

  std::string Line(const training::StepMetrics& metrics) const;
  void ClearLine();

  const Facts facts_;
  const bool is_terminal_;
  std::optional<StopSignal> stop_{std::in_place};
  bool was_stopped_ = false;
  bool is_line_drawn_ = false;
  Clock::time_point last_line_;
  const Clock::time_point start_ = Clock::now();
  std::optional<training::Validation> validation_;  // the last
  int64_t num_steps_ = 0, num_tokens_ = 0;          // of this process
  double step_seconds_ = 0;
  double recent_step_s_ = 0;               // smoothed
  double loss_sum_ = 0, loss_weight_ = 0;  // of the latest losses, the more the later
};

}  // namespace tenfold::cli
