// What a step trains or validates on: windows of a shard's tokens, as batches for a graph.
//
// A window is `context` tokens, each of which predicts the one behind it. Windows follow each other without a gap, so
// that every token of a pass is predicted once.
#pragma once

#include <cstdint>

#include "tenfold/base/result.h"
#include "tenfold/graph/training_batch.h"
#include "tenfold/training/token_shard.h"

namespace tenfold::training {

// Where a DataLoader stands, for a checkpoint: three integers.
struct DataLoaderState {
  uint64_t seed = 0;
  int64_t epoch = 0;
  int64_t position = 0;  // windows of the epoch that were handed out, by all ranks together

  friend bool operator==(const DataLoaderState&, const DataLoaderState&) = default;
};

// Which of the ranks that train together reads.
struct DataRank {
  int rank = 0;
  int num_ranks = 1;
};

// DataLoader: shuffled windows to train on, epoch after epoch.
//
// There is one sequence of windows, which depends on the shard, the context and the seed alone. Each epoch shifts the
// windows by a random number of tokens, less than a context, so that they are cut elsewhere, and takes them in a
// pseudo-random order (random_permutation.h); what is less than a window at its two ends waits for another epoch. From
// a state on, n ranks take turns: rank r gets windows r, r + n, r + 2n, ... Whatever the batch, its split into
// micro-batches and the number of ranks, the same windows are handed out in all, and resuming goes on where it was.
// Any number of ranks may resume from the state of any other number.
//
// One thread at a time; the shard outlives it. Nothing is stored but the state.
class DataLoader {
 public:
  // Begins at `state`. Errors: kInvalidArgument for a context that is not positive, or longer than the shard allows
  // (which has at least context + 1 tokens), and for a state that is not of this shard and context.
  static Result<DataLoader> Create(const TokenShard& shard, int64_t context, const DataLoaderState& state,
                                   DataRank rank = {});

  // This rank's next `num_windows` windows, at least one, of `context` tokens each; num_ranks times as many go by for
  // all ranks. Past the end of an epoch the next one begins. gradient_scale is 1 / the targets of this batch. On an
  // error nothing moves. Errors: those of TokenShard::Read.
  Result<graph::TrainingBatch> Next(int64_t num_windows);

  const DataLoaderState& state() const { return state_; }
  int64_t num_windows(int64_t epoch) const;

 private:
  DataLoader(const TokenShard& shard, int64_t context, const DataLoaderState& state, DataRank rank)
      : shard_(&shard), context_(context), state_(state), rank_(rank) {}

  int64_t Shift(int64_t epoch) const;
  // The state `count` windows on.
  DataLoaderState Advanced(DataLoaderState state, int64_t count) const;
  // The first token of the window that is due at `state`.
  int64_t WindowBegin(const DataLoaderState& state) const;

  const TokenShard* shard_;
  int64_t context_;
  DataLoaderState state_;
  DataRank rank_;
};

// SequentialWindows: a shard from its beginning to its end, for validation. All tokens but the first are predicted,
// each once; the last window may be shorter. Immutable; any thread may read. The shard outlives it.
class SequentialWindows {
 public:
  // Errors: kInvalidArgument for a context that is not positive, or a shard of fewer than two tokens.
  static Result<SequentialWindows> Create(const TokenShard& shard, int64_t context);

  int64_t num_windows() const;
  int64_t num_targets() const { return shard_->num_tokens() - 1; }
  // For bits per byte: the sum of -log2 of the probabilities of all targets, divided by this.
  int64_t num_source_bytes() const { return shard_->facts().num_source_bytes; }

  // Windows `first`, first + stride, ...: `num_windows` of them, or as many as there are; `first` is one of them. With
  // the number of ranks as the stride each rank reads its share. Errors: those of TokenShard::Read.
  Result<graph::TrainingBatch> Read(int64_t first, int64_t num_windows, int64_t stride = 1) const;

 private:
  SequentialWindows(const TokenShard& shard, int64_t context) : shard_(&shard), context_(context) {}

  const TokenShard* shard_;
  int64_t context_;
};

}  // namespace tenfold::training
