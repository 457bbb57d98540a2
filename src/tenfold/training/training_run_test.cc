#include "tenfold/training/training_run.h"

#include <unistd.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/random.h"
#include "tenfold/platform/cpu_features.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/training/config_file.h"
#include "tenfold/training/training_keys.h"

namespace tenfold::training {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TrainingConfig TinyConfig() {
  TrainingConfig config;
  config.model = {
      .num_layers = 1, .hidden_size = 16, .ffn_size = 32, .num_heads = 2, .context_length = 6, .vocab_size = 20};
  config.batch_size = 2;
  config.num_micro_batches = 2;
  config.num_steps = 23;
  config.num_warmup_steps = 3;
  config.evaluation_interval = 4;
  config.checkpoint_interval = 5;
  config.sample_interval = 6;
  config.num_kept_checkpoints = 2;
  return Resolve(config).value();
}

// Tokens that are a function of the position.
class CountedData : public RunData {
 public:
  explicit CountedData(const TrainingConfig& config) : config_(config), position_{.seed = config.seed} {}

  Result<graph::TrainingBatch> NextMicroBatch() override {
    return Batch(position_.seed, static_cast<uint64_t>(position_.position++));
  }
  DataLoaderState state() const override { return position_; }
  DataIdentity identity() const override { return identity_; }
  void set_identity(const DataIdentity& identity) { identity_ = identity; }
  Status Seek(const DataLoaderState& position) override {
    position_ = position;
    return {};
  }
  Result<std::optional<ValidationBatch>> ReadValidationBatch(int64_t index) const override {
    if (index == 3) return std::nullopt;
    return ValidationBatch{Batch(99, static_cast<uint64_t>(index)), 24};
  }

 private:
  graph::TrainingBatch Batch(uint64_t stream, uint64_t index) const {
    graph::TrainingBatch batch;
    const int64_t length = config_.model.context_length;
    for (int64_t row = 0; row < config_.batch_size * length; ++row) {
      const auto draw = Philox(7, stream, index * 100 + static_cast<uint64_t>(row))[0];
      batch.tokens.push_back(static_cast<TokenId>(draw % 20));
      batch.targets.push_back(static_cast<TokenId>((draw + 1) % 20));
      batch.target_rows.push_back(static_cast<int32_t>(row));
    }
    batch.sequence_lengths.assign(static_cast<size_t>(config_.batch_size), length);
    return batch;
  }

  TrainingConfig config_;
  DataLoaderState position_;
  DataIdentity identity_{.source_hash = 1, .vocabulary_hash = 2, .context = 6};
};

class StopAfter : public RunObserver {
 public:
  explicit StopAfter(int num_steps) : num_left_(num_steps) {}
  void OnStep(const StepMetrics& metrics) override {
    losses.push_back(metrics.report.loss);
    --num_left_;
  }
  bool WantsToStop() override {
    ++num_times_asked;
    return num_left_ <= 0;
  }

  std::vector<double> losses;
  int num_times_asked = 0;

 private:
  int num_left_;
};

class TrainingRunTest : public testing::Test {
 protected:
  ~TrainingRunTest() override { std::filesystem::remove_all(root_); }

  struct Outcome {
    Status status;
    std::vector<float> weights, first_moments, second_moments;
    TrainingState state;
    std::vector<double> losses;
    int num_times_asked = 0;
  };

  // Begins or continues the run in `name`, for `num_steps` at most.
  Outcome Run(const char* name, const TrainingConfig& config, int num_threads, int num_steps = 1000,
              const std::function<void(Trainer&)>& before = nullptr) {
    platform::ThreadPool threads(num_threads);
    const std::filesystem::path path = root_ / name;
    RunFolder folder = (RunFolder::Exists(path) ? RunFolder::Open(path) : RunFolder::Create(path)).value();
    const auto trainer = Trainer::Create(config, *kernels_, threads).value();
    CountedData data(config);
    Outcome outcome;
    const auto run = TrainingRun::Create(
        {.config = config, .folder = &folder, .trainer = trainer.get(), .data = &data, .sampler = [](Trainer& t) {
           return fmt::format("sample {}", t.step());
         }});
    if (!run) {
      outcome.status = tl::unexpected(run.error());
      return outcome;
    }
    EXPECT_EQ(platform::ReadTextFile(folder.config_file()).value(), ToToml(config)) << "before its first step";
    if (before) before(*trainer);
    StopAfter observer(num_steps);
    outcome.status = (*run)->Continue(observer);
    outcome.weights.assign(trainer->weights().begin(), trainer->weights().end());
    outcome.first_moments.assign(trainer->first_moments().begin(), trainer->first_moments().end());
    outcome.second_moments.assign(trainer->second_moments().begin(), trainer->second_moments().end());
    outcome.state = (*run)->state();
    outcome.losses = observer.losses;
    outcome.num_times_asked = observer.num_times_asked;
    return outcome;
  }

  const kernels::KernelTable* kernels_ = kernels::SelectKernels("auto", platform::DetectCpuFeatures()).value();
  const std::filesystem::path root_ =
      std::filesystem::temp_directory_path() / ("tenfold_training_run_" + std::to_string(getpid()) + "_" +
                                                testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(TrainingRunTest, InterruptionsAndThreadsChangeNoBit) {
  const TrainingConfig config = TinyConfig();
  const Outcome undisturbed = Run("a", config, 1);
  ASSERT_TRUE(undisturbed.status) << undisturbed.status.error().message;
  EXPECT_EQ(undisturbed.state.step, 23);
  EXPECT_LT(undisturbed.losses.back(), undisturbed.losses.front());

  std::vector<double> losses;
  Outcome last;
  for (const int num_steps : {1, 7, 2, 9, 100}) {
    last = Run("b", config, 1 + static_cast<int>(losses.size()) % 3, num_steps);
    ASSERT_TRUE(last.status) << last.status.error().message;
    losses.insert(losses.end(), last.losses.begin(), last.losses.end());
  }
  EXPECT_EQ(losses, undisturbed.losses);
  EXPECT_EQ(last.weights, undisturbed.weights);
  EXPECT_EQ(last.first_moments, undisturbed.first_moments);
  EXPECT_EQ(last.second_moments, undisturbed.second_moments);
  EXPECT_EQ(last.state.data, undisturbed.state.data);
  EXPECT_EQ(last.state.best_step, undisturbed.state.best_step);
  EXPECT_EQ(last.state.best_loss, undisturbed.state.best_loss);
}

// Killed after steps that no checkpoint has: they are computed again, and stand once.
TEST_F(TrainingRunTest, WhatIsComputedAgainStandsOnce) {
  const TrainingConfig config = TinyConfig();
  const Outcome undisturbed = Run("a", config, 1);
  ASSERT_TRUE(Run("b", config, 1).status);
  const CheckpointFolder checkpoints(root_ / "b/checkpoints");
  for (const int64_t step : checkpoints.Steps()) {
    if (step > 10) std::filesystem::remove(checkpoints.FileOf(step));
  }
  const Outcome again = Run("b", config, 2);
  ASSERT_TRUE(again.status);
  EXPECT_EQ(again.weights, undisturbed.weights);
  const std::string metrics = platform::ReadTextFile(root_ / "b/metrics.jsonl").value();
  std::vector<int64_t> steps;
  for (size_t begin = 0; begin < metrics.size(); begin = metrics.find('\n', begin) + 1) {
    const std::string line = metrics.substr(begin, metrics.find('\n', begin) - begin);
    steps.push_back(ParseJson(line, "line").value().get_object().at("step").as_int64());
  }
  std::vector<int64_t> expected(23);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<int64_t>(i) + 1;
  EXPECT_EQ(steps, expected);
  EXPECT_EQ(platform::ReadTextFile(root_ / "b/samples.txt").value(),
            "=== after step 6\nsample 6\n\n=== after step 12\nsample 12\n\n=== after step 18\nsample 18\n\n");
}

TEST_F(TrainingRunTest, FolderExplainsItself) {
  const TrainingConfig config = TinyConfig();
  ASSERT_TRUE(Run("a", config, 1).status);
  for (const char* name : {"README.txt", "config.toml", "log.txt", "metrics.jsonl", "loss.svg", "samples.txt"}) {
    EXPECT_TRUE(std::filesystem::exists(root_ / "a" / name)) << name;
  }
  TrainingConfig repeated;
  ASSERT_TRUE(ApplyConfigFile(root_ / "a/config.toml", repeated));
  EXPECT_EQ(ToToml(Resolve(repeated).value()), ToToml(config));
  EXPECT_THAT(platform::ReadTextFile(root_ / "a/log.txt").value(), HasSubstr("step 20: training loss"));
  // The newest two, and the best where it is another one.
  const auto steps = CheckpointFolder(root_ / "a/checkpoints").Steps();
  EXPECT_LE(steps.size(), 3u);
  EXPECT_EQ(steps.back(), 23);
  EXPECT_EQ(steps[steps.size() - 2], 20);
}

TEST_F(TrainingRunTest, ALossThatIsNoNumberLeavesTheLastCheckpoint) {
  const TrainingConfig config = TinyConfig();
  const Outcome outcome = Run("a", config, 1, 1000,
                              [](Trainer& trainer) { trainer.weights()[3] = std::numeric_limits<float>::quiet_NaN(); });
  ASSERT_FALSE(outcome.status);
  EXPECT_THAT(outcome.status.error().message, HasSubstr("step 1: the loss is nan"));
  EXPECT_THAT(platform::ReadTextFile(root_ / "a/log.txt").value(), HasSubstr("the loss is nan"));
  EXPECT_THAT(CheckpointFolder(root_ / "a/checkpoints").Steps(), ElementsAre());
  EXPECT_TRUE(Run("a", config, 1).status) << "without the broken weight";
}

TEST_F(TrainingRunTest, ACheckpointThatCannotBeWrittenEndsTheRun) {
  TrainingConfig config = TinyConfig();
  config.evaluation_interval = 0;
  ASSERT_TRUE(Run("a", config, 1, 5).status);
  const CheckpointFolder checkpoints(root_ / "a/checkpoints");
  std::filesystem::create_directory(checkpoints.FileOf(10).string() + ".partial");
  std::ofstream(checkpoints.FileOf(10).string() + ".partial/file") << "in the way";
  const Outcome outcome = Run("a", config, 1);
  ASSERT_FALSE(outcome.status);
  EXPECT_THAT(outcome.status.error().message, HasSubstr("the checkpoint of step 5 is whole"));
  EXPECT_THAT(checkpoints.Steps(), ElementsAre(5));
  std::filesystem::remove_all(checkpoints.FileOf(10).string() + ".partial");
  EXPECT_EQ(Run("a", config, 1).weights, Run("b", config, 1).weights);
}

// Killed between the last checkpoint and what follows it.
TEST_F(TrainingRunTest, WhatFollowsACheckpointIsMadeUpFor) {
  const TrainingConfig config = TinyConfig();
  ASSERT_TRUE(Run("a", config, 1).status);
  const CheckpointFolder checkpoints(root_ / "a/checkpoints");
  const auto steps = checkpoints.Steps();
  std::filesystem::copy_file(checkpoints.FileOf(20), checkpoints.FileOf(1));
  std::filesystem::remove(root_ / "a/loss.svg");
  ASSERT_TRUE(Run("a", config, 1).status);
  EXPECT_EQ(checkpoints.Steps(), steps);
  EXPECT_TRUE(std::filesystem::exists(root_ / "a/loss.svg"));
}

TEST_F(TrainingRunTest, AnotherShapeIsRefused) {
  TrainingConfig config = TinyConfig();
  ASSERT_TRUE(Run("a", config, 1, 5).status);
  const std::string before = platform::ReadTextFile(root_ / "a/config.toml").value();
  config.model.hidden_size = 32;
  const Outcome outcome = Run("a", config, 1);
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(platform::ReadTextFile(root_ / "a/config.toml").value(), before) << "with which it still goes on";
  EXPECT_THAT(outcome.status.error().message, HasSubstr("token_embd.weight is [20,16] there and [20,32] in this run"));
}

TEST_F(TrainingRunTest, FewerStepsThanThereWereAreRefused) {
  TrainingConfig config = TinyConfig();
  ASSERT_TRUE(Run("a", config, 1, 12).status);
  const std::string before = platform::ReadTextFile(root_ / "a/config.toml").value();
  config.num_steps = 11;
  const Outcome outcome = Run("a", config, 1);
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(outcome.status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(outcome.status.error().message, HasSubstr("steps is 11; the run is at step 12 already"));
  EXPECT_EQ(platform::ReadTextFile(root_ / "a/config.toml").value(), before);
  config.num_steps = 12;
  EXPECT_TRUE(Run("a", config, 1).status) << "it may end where it is";
}

// There is nothing to stop after the last step: it would be told that --resume goes on.
TEST_F(TrainingRunTest, StopsAreAskedForWhileThereAreSteps) {
  EXPECT_EQ(Run("a", TinyConfig(), 1).num_times_asked, 22);
}

TEST_F(TrainingRunTest, FoldersAreNotMixedUp) {
  EXPECT_THAT(RunFolder::Open(root_ / "none").error().message, HasSubstr("no run to continue"));
  {
    const RunFolder folder = RunFolder::Create(root_ / "a").value();
    ASSERT_TRUE(folder.WriteConfig(TinyConfig()));
    EXPECT_THAT(RunFolder::Create(root_ / "a").error().message, HasSubstr("pass --resume"));
    EXPECT_EQ(RunFolder::Open(root_ / "a").error().code, ErrorCode::kUnavailable);
  }
  EXPECT_TRUE(RunFolder::Open(root_ / "a"));
  std::filesystem::create_directories(root_ / "photographs");
  std::ofstream(root_ / "photographs/cat.png") << "x";
  EXPECT_THAT(RunFolder::Create(root_ / "photographs").error().message, HasSubstr("no empty folder"));
}

TEST_F(TrainingRunTest, AStartThatWasInterruptedBeginsAgain) {
  ASSERT_TRUE(RunFolder::Create(root_ / "a"));
  EXPECT_TRUE(RunFolder::Create(root_ / "a"));
  std::filesystem::create_directories(root_ / "a/data");
  std::ofstream(root_ / "a/data/train.tokens") << "x";
  EXPECT_TRUE(RunFolder::Create(root_ / "a"));
  // Between its first file and the second.
  std::filesystem::create_directories(root_ / "b");
  std::ofstream(root_ / "b/log.txt");
  std::ofstream(root_ / "b/README.txt.partial") << "A trai";
  EXPECT_TRUE(RunFolder::Create(root_ / "b"));
}

TEST_F(TrainingRunTest, AFolderIsTakenOnlyWhereItIsARuns) {
  const auto refusal = [&](const char* name) {
    const auto folder = RunFolder::Create(root_ / name);
    return folder ? "was taken" : folder.error().message;
  };
  std::filesystem::create_directories(root_ / "a/data");
  std::ofstream(root_ / "a/data/train.tokens") << "the user's";
  EXPECT_THAT(refusal("a"), HasSubstr("no empty folder"));
  std::filesystem::create_directories(root_ / "b/vocabulary");
  std::ofstream(root_ / "b/README.txt") << "My thesis";
  EXPECT_THAT(refusal("b"), HasSubstr("no empty folder"));
  EXPECT_EQ(platform::ReadTextFile(root_ / "b/README.txt").value(), "My thesis");
  std::filesystem::create_directories(root_ / "c");
  std::ofstream(root_ / "c/log.txt") << "It rained.\n";
  EXPECT_THAT(refusal("c"), HasSubstr("no empty folder"));
  std::filesystem::create_directories(root_ / "d");
  std::ofstream(root_ / "d/draft.partial") << "mine";
  EXPECT_THAT(refusal("d"), HasSubstr("no empty folder"));
}

// Another run would otherwise continue from them.
TEST_F(TrainingRunTest, CheckpointsWithoutAConfigAreNotTakenOver) {
  ASSERT_TRUE(Run("a", TinyConfig(), 1, 5).status);
  for (const char* name : {"config.toml", "metrics.jsonl", "loss.svg"}) std::filesystem::remove(root_ / "a" / name);
  const auto folder = RunFolder::Create(root_ / "a");
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr("checkpoints"));
}

// The weights would fit; the place in the data means nothing there.
TEST_F(TrainingRunTest, AnotherTextIsRefused) {
  const TrainingConfig config = TinyConfig();
  ASSERT_TRUE(Run("a", config, 1, 5).status);
  const auto refusal = [&](const DataIdentity& identity) {
    platform::ThreadPool threads(1);
    const RunFolder folder = RunFolder::Open(root_ / "a").value();
    const auto trainer = Trainer::Create(config, *kernels_, threads).value();
    CountedData data(config);
    data.set_identity(identity);
    const auto run = TrainingRun::Create(
        {.config = config, .folder = &folder, .trainer = trainer.get(), .data = &data, .sampler = {}});
    return run ? "was continued" : run.error().message;
  };
  EXPECT_EQ(refusal({1, 2, 6}), "was continued");
  EXPECT_THAT(refusal({9, 2, 6}), HasSubstr("another text"));
  EXPECT_THAT(refusal({1, 9, 6}), HasSubstr("another vocabulary"));
  EXPECT_THAT(refusal({1, 2, 9}), HasSubstr("context-length 6, and this run has 9"));
}

// Whichever evaluation is the best has a checkpoint, however the run was interrupted.
TEST_F(TrainingRunTest, TheBestIsKept) {
  TrainingConfig config = TinyConfig();
  config.schedule = "constant";
  config.learning_rate = 0.5;  // at which the losses go up and down
  config.sample_interval = 0;
  int num_between = 0;  // the best that no other checkpoint has
  for (const int64_t seed : {1, 2, 3}) {
    config.seed = static_cast<uint64_t>(seed);
    std::vector<Outcome> outcomes;
    for (const std::vector<int>& stops : {std::vector<int>{}, {4}, {7, 3}}) {
      const std::string name = fmt::format("{} {}", seed, stops.size());
      for (const int num_steps : stops) ASSERT_TRUE(Run(name.c_str(), config, 1, num_steps).status);
      outcomes.push_back(Run(name.c_str(), config, 1));
      ASSERT_TRUE(outcomes.back().status);
      const std::string metrics = platform::ReadTextFile(root_ / name / "metrics.jsonl").value();
      double best_loss = INFINITY;
      int64_t best_step = 0;
      for (size_t begin = 0; begin < metrics.size(); begin = metrics.find('\n', begin) + 1) {
        const json::object line =
            ParseJson(metrics.substr(begin, metrics.find('\n', begin) - begin), "line").value().get_object();
        const json::value* const loss = line.if_contains("validation_loss");
        if (loss == nullptr || loss->to_number<double>() >= best_loss) continue;
        best_loss = loss->to_number<double>();
        best_step = line.at("step").as_int64();
      }
      num_between += best_step % 5 != 0 && best_step != 23;
      EXPECT_EQ(outcomes.back().state.best_step, best_step) << name;
      EXPECT_EQ(outcomes.back().state.best_loss, best_loss) << name;
      EXPECT_THAT(CheckpointFolder(root_ / name / "checkpoints").Steps(), testing::Contains(best_step)) << name;
    }
  }
  EXPECT_GT(num_between, 0);
}

// The loss before the step was a number; what the step made of the weights is none.
TEST_F(TrainingRunTest, WeightsThatAreNoNumbersAreNotKept) {
  TrainingConfig config = TinyConfig();
  config.evaluation_interval = 0;
  ASSERT_TRUE(Run("a", config, 1, 5).status);
  config.num_steps = 6;
  config.schedule = "constant";
  config.learning_rate = config.adamw.weight_decay = 1e30;
  const Outcome outcome = Run("a", config, 2);
  ASSERT_FALSE(outcome.status);
  EXPECT_THAT(outcome.status.error().message,
              testing::AllOf(HasSubstr("step 6: "), HasSubstr("token_embd.weight"), HasSubstr("learning-rate"),
                             HasSubstr("the checkpoint of step 5 is whole")));
  EXPECT_THAT(CheckpointFolder(root_ / "a/checkpoints").Steps(), ElementsAre(5));
}

}  // namespace
}  // namespace tenfold::training
