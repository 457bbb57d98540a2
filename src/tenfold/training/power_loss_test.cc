// What is on the disk when, for the loss of power: which files and folders were synced, in which order.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/platform/cpu_features.h"
#include "tenfold/tokenizer/small_vocabulary.h"
#include "tenfold/training/metrics_log.h"
#include "tenfold/training/run_folder.h"
#include "tenfold/training/temporary_folder_for_test.h"
#include "tenfold/training/training_run.h"
#include "tenfold/training/training_text.h"

namespace {
std::vector<std::string> synced;  // since the test began
}

// In place of the C library's.
extern "C" int fsync(int descriptor) {
  std::error_code ignored;
  synced.push_back(
      std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), ignored).filename().string());
  return static_cast<int>(syscall(SYS_fsync, descriptor));
}

namespace tenfold::training {
namespace {

using testing::ElementsAre;

class PowerLossTest : public testing::Test {
 protected:
  PowerLossTest() { synced.clear(); }

  TemporaryFolder folder_;
};

TEST_F(PowerLossTest, ConfigIsOnTheDisk) {
  const RunFolder run = RunFolder::Create(folder_.path() / "run").value();
  synced.clear();
  ASSERT_TRUE(run.WriteConfig({}));
  EXPECT_THAT(synced, ElementsAre("config.toml.partial", "run"));
}

TEST_F(PowerLossTest, VocabularyIsOnTheDisk) {
  ASSERT_TRUE(WriteVocabulary(tokenizer::SmallByteLevel({}), folder_.path() / "vocabulary"));
  EXPECT_THAT(synced,
              ElementsAre("tokenizer_config.json.partial", "vocabulary", "tokenizer.json.partial", "vocabulary"));
}

TEST_F(PowerLossTest, KeptMetricsAreOnTheDisk) {
  ASSERT_TRUE(MetricsLog::Open(folder_.path() / "metrics.jsonl", 0));
  EXPECT_THAT(synced, ElementsAre("metrics.jsonl.partial", folder_.path().filename().string()));
}

// The same two tokens again and again.
class TwoTokens : public RunData {
 public:
  Result<graph::TrainingBatch> NextMicroBatch() override {
    graph::TrainingBatch batch;
    batch.tokens = {1, 2};
    batch.targets = {2, 1};
    batch.target_rows = {0, 1};
    batch.sequence_lengths = {2};
    return batch;
  }
  DataLoaderState state() const override { return {}; }
  DataIdentity identity() const override { return {}; }
  Status Seek(const DataLoaderState&) override { return {}; }
  Result<std::optional<ValidationBatch>> ReadValidationBatch(int64_t) const override { return std::nullopt; }
};

// A checkpoint that outlasts the loss of power has all metrics before it.
TEST_F(PowerLossTest, MetricsAreOnTheDiskBeforeTheCheckpoint) {
  TrainingConfig config;
  config.model = {
      .num_layers = 1, .hidden_size = 16, .ffn_size = 32, .num_heads = 2, .context_length = 2, .vocab_size = 20};
  config.batch_size = 1;
  config.num_steps = 1;
  config = Resolve(config).value();
  const RunFolder folder = RunFolder::Create(folder_.path() / "run").value();
  platform::ThreadPool threads(1);
  const auto trainer =
      Trainer::Create(config, *kernels::SelectKernels("auto", platform::DetectCpuFeatures()).value(), threads).value();
  TwoTokens data;
  const auto run =
      TrainingRun::Create({.config = config, .folder = &folder, .trainer = trainer.get(), .data = &data, .sampler = {}})
          .value();
  synced.clear();
  RunObserver observer;
  ASSERT_TRUE(run->Continue(observer));
  ASSERT_GE(synced.size(), 3);
  EXPECT_THAT(std::vector(synced.begin(), synced.begin() + 3),
              ElementsAre("metrics.jsonl", "step-00000001.checkpoint.partial", "checkpoints"));
}

}  // namespace
}  // namespace tenfold::training
