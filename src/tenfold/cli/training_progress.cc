#include "tenfold/cli/training_progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "tenfold/base/print.h"

namespace tenfold::cli {
namespace {

std::string Duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::max(seconds, 0.0) + 0.5);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

TrainingProgress::TrainingProgress(const Facts& facts)
    : facts_(facts), is_terminal_(isatty(STDERR_FILENO) == 1), last_line_(Clock::now()) {}

TrainingProgress::~TrainingProgress() {
  ClearLine();
}

void TrainingProgress::ClearLine() {
  if (is_line_drawn_) Print(stderr, "\r\x1b[K");
  is_line_drawn_ = false;
}

double TrainingProgress::tokens_per_s() const {
  return step_seconds_ > 0 ? static_cast<double>(num_tokens_) / step_seconds_ : 0;
}

double TrainingProgress::share_of_limit() const {
  if (step_seconds_ <= 0 || facts_.operations_per_s_limit <= 0) return 0;
  return static_cast<double>(num_steps_) * facts_.operations_per_step / step_seconds_ / facts_.operations_per_s_limit;
}

// On a terminal a few times a second; elsewhere with each validation, and every ten seconds.
void TrainingProgress::OnStep(const training::StepMetrics& metrics) {
  constexpr double kKept = 0.95;  // of the smoothed figures, each step
  constexpr std::chrono::milliseconds kRedraw(200), kPatience(10'000);
  const bool is_first = num_steps_ == 0;
  ++num_steps_;
  num_tokens_ += metrics.report.num_targets;
  step_seconds_ += metrics.seconds;
  recent_step_s_ = is_first ? metrics.seconds : kKept * recent_step_s_ + (1 - kKept) * metrics.seconds;
  loss_sum_ = kKept * loss_sum_ + metrics.report.loss;
  loss_weight_ = kKept * loss_weight_ + 1;
  if (metrics.validation) validation_ = metrics.validation;

  const Clock::time_point now = Clock::now();
  const bool is_last = metrics.report.step == facts_.num_steps;
  const bool stays = metrics.validation.has_value() || is_last;
  if (!stays && now - last_line_ < (is_terminal_ ? kRedraw : kPatience)) return;
  last_line_ = now;
  ClearLine();
  Print(stderr, "{}{}", Line(metrics), stays || !is_terminal_ ? "\n" : "");
  is_line_drawn_ = is_terminal_ && !stays;
  std::fflush(stderr);
}

std::string TrainingProgress::Line(const training::StepMetrics& metrics) const {
  std::string line =
      fmt::format("step {:>{}}/{}  loss {:.4f}", metrics.report.step, fmt::formatted_size("{}", facts_.num_steps),
                  facts_.num_steps, loss_sum_ / loss_weight_);
  if (validation_) line += fmt::format("  validation {:.4f}", validation_->loss);
  line += fmt::format("  {:.0f} tokens/s", static_cast<double>(metrics.report.num_targets) / recent_step_s_);
  if (facts_.operations_per_s_limit > 0) {
    line += fmt::format(" ({:.0f} % of the limit)",
                        100 * facts_.operations_per_step / recent_step_s_ / facts_.operations_per_s_limit);
  }
  // With validations and checkpoints, as they were so far.
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const auto num_left = static_cast<double>(facts_.num_steps - metrics.report.step);
  return line + fmt::format("  {} left", Duration(seconds / static_cast<double>(num_steps_) * num_left));
}

void TrainingProgress::OnSample(int64_t step, const std::string& text) {
  ClearLine();
  Print(stderr, "--- sample after step {}\n{}\n---\n", step, text);
}

void TrainingProgress::OnCheckpoint(int64_t step) {
  if (!was_stopped_) return;
  ClearLine();
  Print(stderr, "Stopped after step {}, whose checkpoint is written; --resume continues there.\n", step);
}

bool TrainingProgress::WantsToStop() {
  if (!stop_ || !stop_->arrived()) return false;
  if (!was_stopped_) {
    ClearLine();
    Print(stderr, "Writing a checkpoint, then stopping; a second signal stops at once.\n");
  }
  was_stopped_ = true;
  return true;
}

}  // namespace tenfold::cli
