// TrainingState: what a training run continues from, and the file in which it outlasts the process.
//
//   "TFTRAIN\n"          8 bytes
//   version, n           two uint32
//   header               n bytes of JSON: step, which data and where in it, parameters with their shapes, …
//   weights, moments     f32, parameter by parameter: all weights, all first moments, all second moments
//   checksum             uint64, XXH3 of everything before it, in pieces, each seeded by the one before
//
// Numbers are little-endian. A file gets its name only when all of it is on the disk, so a run that is killed leaves
// the former one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>

#include "tenfold/base/result.h"
#include "tenfold/training/data_loader.h"
#include "tenfold/training/parameter_layout.h"
#include "tenfold/training/run_data.h"

namespace tenfold::training {

struct TrainingState {
  int64_t step = 0;           // updates done
  DataLoaderState data = {};  // where the next step begins
  int64_t num_tokens = 0;     // trained on so far
  double seconds = 0;         // spent so far
  // The least validation loss so far, and after which step; infinite, 0: none yet.
  double best_loss = std::numeric_limits<double>::infinity();
  int64_t best_step = 0;
  DataIdentity identity = {};  // of the data
};

// Buffers of one layout.
template <class Float>
struct StateBuffers {
  std::span<Float> weights;
  std::span<Float> first_moments;
  std::span<Float> second_moments;
};

// Errors: kIo, naming the path; a full disk leaves what had the name before.
Status WriteTrainingState(const std::filesystem::path& path, const TrainingState& state, const ParameterLayout& layout,
                          const StateBuffers<const float>& buffers);

// Fills the buffers. Errors: those of opening a file; kCorrupt for a file that is cut short, altered or of another
// kind; kInvalidArgument for one of a model with other parameters, naming the first that differs.
Result<TrainingState> ReadTrainingState(const std::filesystem::path& path, const ParameterLayout& layout,
                                        const StateBuffers<float>& buffers);

}  // namespace tenfold::training
