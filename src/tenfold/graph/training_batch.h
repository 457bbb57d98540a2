// TrainingBatch: what a training graph is run on.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tenfold/base/token_id.h"

namespace tenfold::graph {

// Whole sequences, one behind the other.
struct TrainingBatch {
  std::vector<TokenId> tokens;                          // [T]
  std::vector<int64_t> sequence_lengths;                // add up to T
  std::vector<int32_t> target_rows;                     // [R] rows that have a target
  std::vector<TokenId> targets;                         // [R]
  double gradient_scale = 1;                            // 1 / number of targets, for the gradient of the mean
  std::optional<uint64_t> dropout_seed = std::nullopt;  // without one, dropout keeps everything
};

}  // namespace tenfold::graph
