#include "tenfold/training/training_state.h"

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/platform/mapped_file.h"
#include "tenfold/training/checkpoint_folder.h"
#include "tenfold/training/training_config.h"

namespace tenfold::training {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TrainingConfig TinyConfig() {
  TrainingConfig config;
  config.model = {
      .num_layers = 1, .hidden_size = 6, .ffn_size = 5, .num_heads = 3, .context_length = 8, .vocab_size = 11};
  return Resolve(config).value();
}

struct Buffers {
  std::vector<float> weights, first, second;

  Buffers(const ParameterLayout& layout, float factor)
      : weights(static_cast<size_t>(layout.num_floats())), first(weights), second(weights) {
    for (const auto& entry : layout.entries()) {
      for (auto i = static_cast<size_t>(entry.offset); i < static_cast<size_t>(entry.offset + entry.size); ++i) {
        weights[i] = factor * std::sin(static_cast<float>(i));
        first[i] = factor * std::cos(static_cast<float>(i));
        second[i] = factor * static_cast<float>(i);
      }
    }
  }
  StateBuffers<float> mutable_views() { return {weights, first, second}; }
  StateBuffers<const float> views() const { return {weights, first, second}; }
  friend bool operator==(const Buffers&, const Buffers&) = default;
};

class TrainingStateTest : public testing::Test {
 protected:
  TrainingStateTest() { std::filesystem::create_directories(folder_); }
  ~TrainingStateTest() override { std::filesystem::remove_all(folder_); }

  std::string FailureToRead(const ParameterLayout& layout) {
    Buffers buffers(layout, 0);
    const auto state = ReadTrainingState(path_, layout, buffers.mutable_views());
    return state ? "was read" : state.error().message;
  }
  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("tenfold_training_state_" + std::to_string(getpid()) + "_" +
                                                testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::filesystem::path path_ = folder_ / "state";
  const ParameterLayout layout_{BuildModel(TinyConfig())};
  const Buffers buffers_{layout_, 1};
  const TrainingState state_{.step = 7,
                             .data = {.seed = ~uint64_t{0}, .epoch = 2, .position = 3},
                             .num_tokens = 99,
                             .seconds = 1.25,
                             .best_loss = 0.1,
                             .best_step = 5,
                             .identity = {.source_hash = 11, .vocabulary_hash = ~uint64_t{0}, .context = 8}};
};

TEST_F(TrainingStateTest, ComesBackBitForBit) {
  ASSERT_TRUE(WriteTrainingState(path_, state_, layout_, buffers_.views()));
  Buffers buffers(layout_, 0);
  const TrainingState state = ReadTrainingState(path_, layout_, buffers.mutable_views()).value();
  EXPECT_EQ(buffers, buffers_);
  EXPECT_EQ(state.step, 7);
  EXPECT_EQ(state.data, state_.data);
  EXPECT_EQ(state.identity, state_.identity);
  EXPECT_EQ(state.num_tokens, 99);
  EXPECT_EQ(state.seconds, 1.25);
  EXPECT_EQ(state.best_loss, 0.1);
  EXPECT_EQ(state.best_step, 5);
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".partial"));
}

TEST_F(TrainingStateTest, NoBestYetIsInfinite) {
  ASSERT_TRUE(WriteTrainingState(path_, {.step = 1}, layout_, buffers_.views()));
  Buffers buffers(layout_, 0);
  EXPECT_TRUE(std::isinf(ReadTrainingState(path_, layout_, buffers.mutable_views())->best_loss));
}

TEST_F(TrainingStateTest, AnyDamageIsFound) {
  ASSERT_TRUE(WriteTrainingState(path_, state_, layout_, buffers_.views()));
  const std::string whole = platform::ReadTextFile(path_).value();
  for (size_t length = 0; length < whole.size(); length += 1 + whole.size() / 300) {
    Write(whole.substr(0, length));
    EXPECT_NE(FailureToRead(layout_), "was read") << length << " bytes of " << whole.size();
  }
  Write(whole.substr(0, whole.size() - 1));
  EXPECT_THAT(FailureToRead(layout_), HasSubstr("cut short"));
  Write(whole + "x");
  EXPECT_THAT(FailureToRead(layout_), HasSubstr("longer"));
  for (size_t at = 0; at < whole.size(); at += 1 + whole.size() / 1000) {
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 4);
    Write(altered);
    EXPECT_NE(FailureToRead(layout_), "was read") << "byte " << at;
  }
  std::string altered = whole;
  altered[whole.size() / 2] ^= 1;
  Write(altered);
  EXPECT_THAT(FailureToRead(layout_), HasSubstr("checksum"));
  Write("What a fine day, and no state at all.");
  EXPECT_THAT(FailureToRead(layout_), HasSubstr("not a checkpoint"));
}

// What a checksum vouches for may still be nonsense.
TEST_F(TrainingStateTest, NumbersWithoutMeaningAreRefused) {
  const auto refuses = [&](auto change) {
    TrainingState state = state_;
    change(state);
    EXPECT_TRUE(WriteTrainingState(path_, state, layout_, buffers_.views()));
    return FailureToRead(layout_);
  };
  EXPECT_EQ(refuses([](TrainingState&) {}), "was read");
  EXPECT_THAT(refuses([](TrainingState& s) { s.step = -5; }), HasSubstr("\"step\" is -5"));
  EXPECT_THAT(refuses([](TrainingState& s) { s.step = s.best_step = 0; }), HasSubstr("\"step\" is 0"));
  EXPECT_THAT(refuses([](TrainingState& s) { s.num_tokens = -1; }), HasSubstr("\"num_tokens\" is -1"));
  EXPECT_THAT(refuses([](TrainingState& s) { s.best_step = -1; }), HasSubstr("\"best_step\" is -1"));
  EXPECT_THAT(refuses([](TrainingState& s) { s.best_step = 8; }), HasSubstr("\"best_step\" is 8"));
  EXPECT_THAT(refuses([](TrainingState& s) { s.data.epoch = -1; }), HasSubstr("\"epoch\" is -1"));
  EXPECT_THAT(refuses([](TrainingState& s) { s.data.position = -1; }), HasSubstr("\"position\" is -1"));
}

TEST_F(TrainingStateTest, SaysWhichParameterDiffers) {
  ASSERT_TRUE(WriteTrainingState(path_, state_, layout_, buffers_.views()));
  TrainingConfig wider = TinyConfig();
  wider.model.ffn_size = 9;
  EXPECT_THAT(FailureToRead(ParameterLayout(BuildModel(wider))),
              HasSubstr("blk.0.ffn_gate.weight is [5,6] there and [9,6] in this run"));
  TrainingConfig deeper = TinyConfig();
  deeper.model.num_layers = 2;
  EXPECT_THAT(FailureToRead(ParameterLayout(BuildModel(deeper))),
              HasSubstr("where this run has blk.1.attn_norm.weight, it has \"output_norm.weight\""));
}

TEST_F(TrainingStateTest, WhatCannotBeWrittenLeavesTheFormer) {
  ASSERT_TRUE(WriteTrainingState(path_, state_, layout_, buffers_.views()));
  std::filesystem::create_directory(path_.string() + ".partial");
  const Buffers others(layout_, 2);
  const Status written = WriteTrainingState(path_, state_, layout_, others.views());
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr(path_.string()));
  Buffers buffers(layout_, 0);
  ASSERT_TRUE(ReadTrainingState(path_, layout_, buffers.mutable_views()));
  EXPECT_EQ(buffers, buffers_);
}

TEST_F(TrainingStateTest, FolderKeepsTheNewestAndTheBest) {
  const CheckpointFolder folder(folder_);
  EXPECT_THAT(folder.Steps(), ElementsAre());
  for (const int64_t step : {100, 20, 3, 1'000'000'000, 40}) std::ofstream(folder.FileOf(step)) << "x";
  std::ofstream(folder.FileOf(41).string() + ".partial") << "x";
  std::ofstream(folder_ / "notes.txt") << "x";
  EXPECT_THAT(folder.Steps(), ElementsAre(3, 20, 40, 100, 1'000'000'000));
  folder.Prune(2, 20);
  EXPECT_THAT(folder.Steps(), ElementsAre(20, 100, 1'000'000'000));
  EXPECT_FALSE(std::filesystem::exists(folder.FileOf(41).string() + ".partial"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "notes.txt"));
}

}  // namespace
}  // namespace tenfold::training
