// RunData: what a training run reads its batches from. Texts in general (training_text.h); in tests whatever shows the
// point.
#pragma once

#include <cstdint>
#include <optional>

#include "tenfold/base/result.h"
#include "tenfold/graph/training_batch.h"
#include "tenfold/training/data_loader.h"

namespace tenfold::training {

struct ValidationBatch {
  graph::TrainingBatch batch;
  double num_bytes = 0;  // of text, that the targets stand for
};

// Which text a run learns from, and how it is cut up: what must be the same where it goes on.
struct DataIdentity {
  uint64_t source_hash = 0;  // of the text
  uint64_t vocabulary_hash = 0;
  int64_t context = 0;  // tokens of a window

  friend bool operator==(const DataIdentity&, const DataIdentity&) = default;
};

class RunData {
 public:
  virtual ~RunData() = default;

  // The next micro-batch: a function of the state, which it moves on. Errors: those of reading.
  virtual Result<graph::TrainingBatch> NextMicroBatch() = 0;
  virtual DataLoaderState state() const = 0;
  virtual DataIdentity identity() const = 0;
  // Errors: kInvalidArgument for a state that these texts do not have.
  virtual Status Seek(const DataLoaderState& state) = 0;

  // Of the validation text, the batch with this number, from 0 on; nullopt behind the last. Errors: those of reading.
  virtual Result<std::optional<ValidationBatch>> ReadValidationBatch(int64_t index) const = 0;
};

}  // namespace tenfold::training
