// StepShare: what one sequence computes in a step, and where it stands in the batch.
#pragma once

#include <cstdint>

#include "tenfold/base/result.h"
#include "tenfold/engine/sequence.h"

namespace tenfold::engine {

struct StepShare {
  Sequence* sequence;      // null once the sequence has ended in this step
  int64_t first_position;  // of the tokens that are computed
  int64_t num_tokens;
  int64_t first_row;  // of the batch

  int64_t end_position() const { return first_position + num_tokens; }
  int32_t row_of(int64_t position) const { return static_cast<int32_t>(first_row + position - first_position); }
};

// What the model made of a share's tokens is not a number: the sequence should end with the error.
struct ShareFailure {
  size_t share;  // index
  Error error;
};

}  // namespace tenfold::engine
