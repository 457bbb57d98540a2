#include "tenfold/training/memory_account.h"

#include <fmt/format.h>

#include "tenfold/base/byte_count.h"
#include "tenfold/graph/training_executor.h"
#include "tenfold/training/parameter_layout.h"

namespace tenfold::training {

std::string MemoryAccount::ToString() const {
  return fmt::format("{}: weights {}, gradients {}, moments {}, activations {}", FormatSize(total()),
                     FormatSize(weight_bytes), FormatSize(gradient_bytes), FormatSize(moment_bytes),
                     FormatSize(activation_bytes));
}

graph::BatchLimits LimitsOf(const TrainingConfig& config) {
  const int64_t num_tokens = config.batch_size * config.model.context_length;
  return {.max_tokens = num_tokens, .max_logit_rows = num_tokens};
}

MemoryAccount AccountMemory(const TrainingConfig& config) {
  const graph::TrainingGraph training = BuildTrainingGraph(config);
  const size_t buffer_bytes = static_cast<size_t>(ParameterLayout(training.graph).num_floats()) * sizeof(float);
  return {.weight_bytes = buffer_bytes,
          .gradient_bytes = buffer_bytes,
          .moment_bytes = 2 * buffer_bytes,
          .activation_bytes = graph::PlanActivationBytes(training, LimitsOf(config))};
}

}  // namespace tenfold::training
