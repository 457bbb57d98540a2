// MetricsLog: what a run measured, one line of JSON for each step, readable while the run goes on.
//
// A run that continues from a checkpoint first cuts away the steps that it will compute again: no step stands twice.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/training/loss_curve.h"
#include "tenfold/training/trainer.h"

namespace tenfold::training {

struct Validation {
  double loss = 0;  // nats per token
  double bits_per_byte = 0;
  int64_t num_tokens = 0;
};

struct StepMetrics {
  StepReport report;
  int64_t num_tokens = 0;                // trained on since the run began
  double seconds = 0;                    // of the step
  double cpu_seconds = 0;                // of all threads
  std::optional<Validation> validation;  // after the step

  double tokens_per_s() const { return seconds > 0 ? static_cast<double>(report.num_targets) / seconds : 0; }
};

class MetricsLog {
 public:
  // Keeps the lines of steps up to `last_step`. Errors: kIo, naming the path.
  static Result<MetricsLog> Open(const std::filesystem::path& path, int64_t last_step);

  // The line is in the hands of the system when it returns.
  Status Append(const StepMetrics& metrics);

  // All lines are on the disk when it returns.
  Status Sync();

  // All steps so far, those that were kept included.
  const LossCurve& curve() const { return curve_; }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Closer> file_;
  LossCurve curve_;
};

}  // namespace tenfold::training
