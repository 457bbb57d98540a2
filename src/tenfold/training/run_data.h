// RunData: what a training run reads its batches from. Texts in general (training_text.h); in tests whatever shows the
// point.
#pragma once

#include <cstdint>
#include <optional>

#include "tenfold/base/result.h"
#include "tenfold/graph/training_batch.h"
#include "tenfold/training/training_state.h"

namespace tenfold::training {

struct ValidationBatch {
  graph::TrainingBatch batch;
  int64_t num_bytes = 0;  // of text, that the targets stand for
};

class RunData {
 public:
  virtual ~RunData() = default;

  // The next micro-batch: a function of the position, which it moves.
  virtual graph::TrainingBatch NextMicroBatch() = 0;
  virtual DataPosition position() const = 0;
  // Errors: kInvalidArgument for a position that these texts do not have.
  virtual Status Seek(const DataPosition& position) = 0;

  // The validation text from its beginning, batch by batch; nullopt at its end.
  virtual void RestartValidation() = 0;
  virtual std::optional<ValidationBatch> NextValidationBatch() = 0;
};

}  // namespace tenfold::training
