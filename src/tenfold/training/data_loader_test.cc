#include "tenfold/training/data_loader.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/training/random_permutation.h"
#include "tenfold/training/temporary_folder_for_test.h"

namespace tenfold::training {
namespace {

using Tokens = std::vector<TokenId>;

// A shard whose token at each place is the place, so that windows say where they are from.
class Places {
 public:
  explicit Places(int64_t count) {
    const auto path = folder_.path() / "a.tokens";
    auto writer = TokenShardWriter::Create(path, {.vocabulary_size = 1 << 20});
    Tokens tokens(static_cast<size_t>(count));
    std::iota(tokens.begin(), tokens.end(), 0);
    EXPECT_TRUE(writer->Append(tokens, 5 * count));
    EXPECT_TRUE(writer->Finish());
    shard_.emplace(TokenShard::Open(path).value());
  }
  const TokenShard& shard() const { return *shard_; }

 private:
  TemporaryFolder folder_;
  std::optional<TokenShard> shard_;
};

DataLoader Loader(const Places& places, int64_t context, const DataLoaderState& state, DataRank rank = {}) {
  auto loader = DataLoader::Create(places.shard(), context, state, rank);
  EXPECT_TRUE(loader) << loader.error().message;
  return *loader;
}

// The first token of each window of a batch, whose shape is checked.
Tokens Begins(const Result<graph::TrainingBatch>& batch, int64_t context) {
  EXPECT_TRUE(batch) << batch.error().message;
  Tokens begins;
  size_t row = 0;
  for (const int64_t length : batch->sequence_lengths) {
    EXPECT_EQ(length, context);
    begins.push_back(batch->tokens[row]);
    for (int64_t i = 0; i < length; ++i, ++row) {
      EXPECT_EQ(batch->tokens[row], begins.back() + i);
      EXPECT_EQ(batch->targets[row], begins.back() + i + 1);
      EXPECT_EQ(batch->target_rows[row], static_cast<int32_t>(row));
    }
  }
  EXPECT_EQ(row, batch->tokens.size());
  EXPECT_EQ(row, batch->targets.size());
  EXPECT_EQ(row, batch->target_rows.size());
  EXPECT_DOUBLE_EQ(batch->gradient_scale * static_cast<double>(row), 1);
  return begins;
}

Tokens Take(DataLoader& loader, int64_t context, int64_t count, int64_t at_once = 1) {
  Tokens taken;
  for (int64_t done = 0; done < count; done += at_once) {
    const Tokens more = Begins(loader.Next(std::min(at_once, count - done)), context);
    taken.insert(taken.end(), more.begin(), more.end());
  }
  return taken;
}

TEST(DataLoader, HandsOutEveryWindowOfAnEpochOnce) {
  constexpr int64_t kContext = 8;
  const Places places(1000);
  DataLoader loader = Loader(places, kContext, {.seed = 3});
  std::set<TokenId> shifts;
  std::set<Tokens> orders;
  for (int64_t epoch = 0; epoch < 20; ++epoch) {
    ASSERT_EQ(loader.state(), (DataLoaderState{3, epoch, 0}));
    const int64_t num_windows = loader.num_windows(epoch);
    const Tokens taken = Take(loader, kContext, num_windows, 7);
    Tokens sorted = taken;
    std::ranges::sort(sorted);
    const TokenId shift = sorted.front();
    ASSERT_LT(shift, kContext);
    for (size_t i = 0; i < sorted.size(); ++i) ASSERT_EQ(sorted[i], shift + static_cast<TokenId>(i) * kContext);
    ASSERT_LE(sorted.back() + kContext, 999) << "the last target";
    ASSERT_GT(sorted.back() + 2 * kContext, 999) << "there is room for another window";
    ASSERT_NE(taken, sorted) << "not shuffled";
    shifts.insert(shift);
    orders.insert(taken);
  }
  EXPECT_GT(shifts.size(), 5);
  EXPECT_EQ(orders.size(), 20);
}

TEST(DataLoader, AnotherSeedIsAnotherOrder) {
  const Places places(1000);
  DataLoader one = Loader(places, 8, {.seed = 1}), other = Loader(places, 8, {.seed = 2}),
             again = Loader(places, 8, {.seed = 1});
  const Tokens taken = Take(one, 8, 100);
  EXPECT_NE(Take(other, 8, 100), taken);
  EXPECT_EQ(Take(again, 8, 100), taken);
}

TEST(DataLoader, BatchesOfAnySizeAreTheSameWindows) {
  const Places places(300);
  DataLoader loader = Loader(places, 8, {.seed = 5});
  const Tokens taken = Take(loader, 8, 120);  // more than three epochs
  for (const int64_t at_once : {2, 7, 50, 120}) {
    DataLoader another = Loader(places, 8, {.seed = 5});
    EXPECT_EQ(Take(another, 8, 120, at_once), taken);
    EXPECT_EQ(another.state(), loader.state());
  }
}

TEST(DataLoader, GoesOnFromAnyStateAsIfNotInterrupted) {
  const Places places(300);
  DataLoader loader = Loader(places, 8, {.seed = 5});
  const Tokens taken = Take(loader, 8, 150);
  for (int64_t stop = 0; stop < 150; ++stop) {
    DataLoader before = Loader(places, 8, {.seed = 5});
    Take(before, 8, stop, 3);
    DataLoader after = Loader(places, 8, before.state());
    ASSERT_EQ(Take(after, 8, 150 - stop, 4), Tokens(taken.begin() + stop, taken.end())) << stop;
  }
}

TEST(DataLoader, RanksTakeTurnsWithinTheSameSequence) {
  const Places places(300);
  DataLoader loader = Loader(places, 8, {.seed = 5});
  const Tokens taken = Take(loader, 8, 120);
  for (const int num_ranks : {2, 3, 4}) {
    Tokens together(120);
    for (int rank = 0; rank < num_ranks; ++rank) {
      DataLoader mine = Loader(places, 8, {.seed = 5}, {rank, num_ranks});
      const Tokens share = Take(mine, 8, 120 / num_ranks, 5);
      for (size_t i = 0; i < share.size(); ++i) {
        together[i * static_cast<size_t>(num_ranks) + static_cast<size_t>(rank)] = share[i];
      }
      EXPECT_EQ(mine.state(), loader.state()) << "every rank can write the checkpoint";
    }
    EXPECT_EQ(together, taken) << num_ranks;
  }
}

TEST(DataLoader, TrainsOnACorpusOfOneWindow) {
  const Places places(9);
  DataLoader loader = Loader(places, 8, {});
  EXPECT_EQ(Take(loader, 8, 3), (Tokens{0, 0, 0}));
  EXPECT_EQ(loader.state(), (DataLoaderState{0, 3, 0}));
}

TEST(DataLoader, RefusesWhatIsNotOfTheShard) {
  const Places places(100);
  const auto message = [&](int64_t context, const DataLoaderState& state) {
    const auto loader = DataLoader::Create(places.shard(), context, state);
    EXPECT_FALSE(loader);
    if (loader) return std::string();
    EXPECT_EQ(loader.error().code, ErrorCode::kInvalidArgument);
    return loader.error().message;
  };
  EXPECT_THAT(message(0, {}), testing::HasSubstr("must be at least 1"));
  EXPECT_THAT(message(100, {}), testing::HasSubstr("100 tokens are fewer than the 101 of one window"));
  EXPECT_THAT(message(INT64_MAX, {}), testing::HasSubstr("fewer than"));
  EXPECT_THAT(message(10, {.position = 10}), testing::HasSubstr("cannot go on at window 10 of epoch 0"));
  EXPECT_THAT(message(10, {.position = -1}), testing::HasSubstr("cannot go on"));
  EXPECT_THAT(message(10, {.epoch = -1}), testing::HasSubstr("cannot go on"));
}

TEST(DataLoader, AFaultyTokenIsAnErrorAndMovesNothing) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.tokens";
  auto writer = TokenShardWriter::Create(path, {.vocabulary_size = 10});
  ASSERT_TRUE(writer->Append(Tokens(9, 1), 9));
  ASSERT_TRUE(writer->Finish());
  std::string bytes = folder.Read("a.tokens");
  bytes[128 + 2 * 4] = 99;
  folder.Write("a.tokens", bytes);
  const TokenShard shard = TokenShard::Open(path).value();
  auto loader = DataLoader::Create(shard, 8, {}).value();
  const auto batch = loader.Next(1);
  ASSERT_FALSE(batch);
  EXPECT_THAT(batch.error().message, testing::HasSubstr("token 4 is 99"));
  EXPECT_EQ(loader.state(), DataLoaderState{});
}

// --- validation

class SequentialWindowsOf : public testing::TestWithParam<int64_t> {};

TEST_P(SequentialWindowsOf, PredictEveryTokenOnce) {
  constexpr int64_t kContext = 8;
  const int64_t num_tokens = GetParam();
  const Places places(num_tokens);
  const auto windows = SequentialWindows::Create(places.shard(), kContext).value();
  EXPECT_EQ(windows.num_source_bytes(), 5 * num_tokens);
  Tokens expected(static_cast<size_t>(num_tokens - 1));
  std::iota(expected.begin(), expected.end(), 1);
  for (const int64_t at_once : {1, 3}) {
    Tokens targets;
    int64_t num_windows = 0;
    for (int64_t first = 0; first < windows.num_windows(); first += at_once) {
      const auto batch = windows.Read(first, at_once).value();
      targets.insert(targets.end(), batch.targets.begin(), batch.targets.end());
      num_windows += static_cast<int64_t>(batch.sequence_lengths.size());
      for (size_t i = 0; i < batch.tokens.size(); ++i) ASSERT_EQ(batch.tokens[i] + 1, batch.targets[i]);
      for (const int64_t length : batch.sequence_lengths) ASSERT_TRUE(length >= 1 && length <= kContext);
    }
    EXPECT_EQ(targets, expected);
    EXPECT_EQ(num_windows, windows.num_windows());
  }
  Tokens of_ranks;
  for (int64_t rank = 0; rank < std::min<int64_t>(3, windows.num_windows()); ++rank) {
    const auto batch = windows.Read(rank, 1000, 3).value();
    of_ranks.insert(of_ranks.end(), batch.targets.begin(), batch.targets.end());
  }
  std::ranges::sort(of_ranks);
  EXPECT_EQ(of_ranks, expected);
}

INSTANTIATE_TEST_SUITE_P(Lengths, SequentialWindowsOf, testing::Values(2, 8, 9, 10, 17, 100));

TEST(SequentialWindows, RefuseAShardWithNothingToPredict) {
  const Places places(1);
  const auto windows = SequentialWindows::Create(places.shard(), 8);
  ASSERT_FALSE(windows);
  EXPECT_EQ(windows.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(SequentialWindows::Create(places.shard(), 0));
}

// --- the order

TEST(RandomPermutation, IsAPermutationOfAnySize) {
  for (int64_t size = 1; size < 300; ++size) {
    const RandomPermutation order(7, static_cast<uint64_t>(size), size);
    std::vector<bool> seen(static_cast<size_t>(size));
    for (int64_t i = 0; i < size; ++i) {
      const int64_t number = order(i);
      ASSERT_TRUE(number >= 0 && number < size);
      ASSERT_FALSE(seen[static_cast<size_t>(number)]) << number << " of " << size << " twice";
      seen[static_cast<size_t>(number)] = true;
    }
  }
  const RandomPermutation largest(7, 0, int64_t{1} << 62);
  EXPECT_NE(largest(0), largest(1));
}

// Each number comes first equally often: 6,000 draws of 1 in 6, which 5 standard deviations (29) leave no room for.
TEST(RandomPermutation, FavorsNobody) {
  std::vector<int> first(6);
  for (uint64_t stream = 0; stream < 6000; ++stream) ++first[static_cast<size_t>(RandomPermutation(1, stream, 6)(0))];
  for (const int count : first) EXPECT_NEAR(count, 1000, 145);
}

}  // namespace
}  // namespace tenfold::training
