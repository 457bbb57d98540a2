// CheckpointFolder: the states of one training run, a file for each, named after their steps. Keeps the newest few and
// the one with the least validation loss.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "tenfold/base/result.h"

namespace tenfold::training {

class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path FileOf(int64_t step) const;
  // Ascending. Files of other names are not looked at.
  std::vector<int64_t> Steps() const;
  // Deletes all but the newest `num_kept` and the best; and what an interrupted write has left.
  void Prune(int64_t num_kept, int64_t best_step) const;

 private:
  std::filesystem::path path_;
};

}  // namespace tenfold::training
