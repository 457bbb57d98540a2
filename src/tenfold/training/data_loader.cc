#include "tenfold/training/data_loader.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"
#include "tenfold/training/random_permutation.h"

namespace tenfold::training {
namespace {

// Draws of an epoch that are not rounds of its permutation come from another stream.
constexpr uint64_t kShiftStream = uint64_t{1} << 63;

// Adds the window of `num_targets` predictions that begins at token `begin`.
Status AppendWindow(const TokenShard& shard, int64_t begin, int64_t num_targets, graph::TrainingBatch& batch) {
  std::vector<TokenId> window(static_cast<size_t>(num_targets) + 1);
  RETURN_IF_ERROR(shard.Read(begin, window));
  const auto first_row = static_cast<int64_t>(batch.tokens.size());
  CHECK(first_row + num_targets <= std::numeric_limits<int32_t>::max());
  batch.tokens.insert(batch.tokens.end(), window.begin(), window.end() - 1);
  batch.targets.insert(batch.targets.end(), window.begin() + 1, window.end());
  batch.sequence_lengths.push_back(num_targets);
  for (int64_t row = first_row; row < first_row + num_targets; ++row) {
    batch.target_rows.push_back(static_cast<int32_t>(row));
  }
  batch.gradient_scale = 1 / static_cast<double>(batch.targets.size());
  return {};
}

Status CheckContext(const TokenShard& shard, int64_t context, int64_t num_wanted) {
  if (context < 1)
    return MakeError(ErrorCode::kInvalidArgument, "a context of {} tokens: it must be at least 1", context);
  if (shard.num_tokens() >= num_wanted) return {};
  return MakeError(ErrorCode::kInvalidArgument,
                   "{}: {} tokens are fewer than the {} of one window: give more text, or a smaller context",
                   shard.path().string(), shard.num_tokens(), num_wanted);
}

}  // namespace

Result<DataLoader> DataLoader::Create(const TokenShard& shard, int64_t context, const DataLoaderState& state,
                                      DataRank rank) {
  CHECK(rank.num_ranks >= 1 && rank.rank >= 0 && rank.rank < rank.num_ranks);
  // A context of the largest integer has no successor.
  const int64_t num_wanted = context == std::numeric_limits<int64_t>::max() ? context : context + 1;
  RETURN_IF_ERROR(CheckContext(shard, context, num_wanted));
  DataLoader loader(shard, context, state, rank);
  if (state.epoch < 0 || state.position < 0 || state.position >= loader.num_windows(state.epoch)) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        "{}: training cannot go on at window {} of epoch {}, which has {} windows: the data or the context "
        "are not those it began with",
        shard.path().string(), state.position, state.epoch, state.epoch < 0 ? 0 : loader.num_windows(state.epoch));
  }
  return loader;
}

int64_t DataLoader::Shift(int64_t epoch) const {
  const int64_t num_spare = shard_->num_tokens() - (context_ + 1);  // one window must remain
  const int64_t num_shifts = std::min(context_, num_spare + 1);
  const double draw = UniformDouble(state_.seed, kShiftStream, static_cast<uint64_t>(epoch));
  return static_cast<int64_t>(draw * static_cast<double>(num_shifts));
}

int64_t DataLoader::num_windows(int64_t epoch) const {
  return (shard_->num_tokens() - 1 - Shift(epoch)) / context_;
}

DataLoaderState DataLoader::Advanced(DataLoaderState state, int64_t count) const {
  state.position += count;
  for (int64_t size = num_windows(state.epoch); state.position >= size; size = num_windows(state.epoch)) {
    state.position -= size;
    ++state.epoch;
  }
  return state;
}

int64_t DataLoader::WindowBegin(const DataLoaderState& state) const {
  const RandomPermutation order(state.seed, static_cast<uint64_t>(state.epoch), num_windows(state.epoch));
  return Shift(state.epoch) + order(state.position) * context_;
}

Result<graph::TrainingBatch> DataLoader::Next(int64_t num_windows) {
  CHECK(num_windows >= 1);
  graph::TrainingBatch batch;
  DataLoaderState at = Advanced(state_, rank_.rank);
  for (int64_t i = 0; i < num_windows; ++i) {
    RETURN_IF_ERROR(AppendWindow(*shard_, WindowBegin(at), context_, batch));
    at = Advanced(at, rank_.num_ranks);
  }
  state_ = Advanced(state_, num_windows * rank_.num_ranks);
  return batch;
}

Result<SequentialWindows> SequentialWindows::Create(const TokenShard& shard, int64_t context) {
  RETURN_IF_ERROR(CheckContext(shard, context, 2));
  return SequentialWindows(shard, context);
}

int64_t SequentialWindows::num_windows() const {
  return (num_targets() - 1) / context_ + 1;
}

Result<graph::TrainingBatch> SequentialWindows::Read(int64_t first, int64_t num_windows, int64_t stride) const {
  CHECK(first >= 0 && first < this->num_windows() && num_windows >= 1 && stride >= 1);
  graph::TrainingBatch batch;
  for (int64_t i = 0; i < num_windows && first < this->num_windows(); ++i, first += stride) {
    const int64_t begin = first * context_;
    RETURN_IF_ERROR(AppendWindow(*shard_, begin, std::min(context_, num_targets() - begin), batch));
  }
  return batch;
}

}  // namespace tenfold::training
