#include "tenfold/training/trainer.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/count_allocations_for_test.h"
#include "tenfold/platform/cpu_features.h"
#include "tenfold/platform/memory_info.h"

namespace tenfold::training {
namespace {

using testing::HasSubstr;

TrainingConfig TinyConfig() {
  TrainingConfig config;
  config.model = {.num_layers = 2,
                  .hidden_size = 32,
                  .ffn_size = 64,
                  .num_heads = 4,
                  .num_kv_heads = 2,
                  .context_length = 8,
                  .vocab_size = 50};
  config.batch_size = 4;
  config.num_steps = 80;
  config.num_warmup_steps = 4;
  config.learning_rate = 1e-2;
  config.final_learning_rate = 1e-3;
  return Resolve(config).value();
}

// Each token is followed by the one seven places further.
graph::TrainingBatch Batch(const TrainingConfig& config, int64_t first) {
  graph::TrainingBatch batch;
  const int64_t length = config.model.context_length, vocab_size = config.model.vocab_size;
  for (int64_t row = 0; row < config.batch_size * length; ++row) {
    const int64_t token = (first + row / length * 3 + row % length * 7) % vocab_size;
    batch.tokens.push_back(static_cast<TokenId>(token));
    batch.targets.push_back(static_cast<TokenId>((token + 7) % vocab_size));
    batch.target_rows.push_back(static_cast<int32_t>(row));
  }
  batch.sequence_lengths.assign(static_cast<size_t>(config.batch_size), length);
  return batch;
}

class TrainerTest : public testing::Test {
 protected:
  std::unique_ptr<Trainer> Make(const TrainingConfig& config, platform::ThreadPool& threads) {
    return Trainer::Create(config, *kernels_, threads).value();
  }
  std::vector<float> Weights(Trainer& trainer) { return {trainer.weights().begin(), trainer.weights().end()}; }

  const kernels::KernelTable* kernels_ = kernels::SelectKernels("auto", platform::DetectCpuFeatures()).value();
  platform::ThreadPool threads_{2};
};

TEST_F(TrainerTest, Learns) {
  const TrainingConfig config = TinyConfig();
  const auto trainer = Make(config, threads_);
  std::vector<StepReport> reports;
  for (int64_t step = 0; step < config.num_steps; ++step) {
    graph::TrainingBatch batches[] = {Batch(config, step * 11)};
    reports.push_back(trainer->Step(batches).value());
  }
  EXPECT_NEAR(reports.front().loss, std::log(50.0), 0.1) << "it should begin knowing nothing";
  EXPECT_LT(reports.back().loss, 0.5);
  EXPECT_EQ(reports.back().step, 80);
  EXPECT_DOUBLE_EQ(reports[0].learning_rate, 0.0025);
  EXPECT_DOUBLE_EQ(reports.back().learning_rate, 1e-3);
  EXPECT_EQ(reports[0].num_targets, 32);

  const graph::TrainingBatch unseen = Batch(config, 3);
  EXPECT_LT(trainer->Evaluate(unseen) / 32, 0.5);
}

TEST_F(TrainerTest, ThreadsChangeNoBit) {
  const TrainingConfig config = TinyConfig();
  platform::ThreadPool one(1), three(3);
  const auto a = Make(config, one), b = Make(config, three);
  for (int64_t step = 0; step < 5; ++step) {
    graph::TrainingBatch batches[] = {Batch(config, step), Batch(config, step + 20)};
    const StepReport report = a->Step(batches).value();
    EXPECT_EQ(b->Step(batches).value().loss, report.loss);
  }
  EXPECT_EQ(Weights(*a), Weights(*b));
}

// One micro-batch of twelve sequences, or four of three, or twelve of one.
TEST_F(TrainerTest, MicroBatchesAddUp) {
  TrainingConfig config = TinyConfig();
  std::vector<double> first_losses;
  for (const int64_t num_sequences : {12, 3, 1}) {
    config.batch_size = 12;
    const graph::TrainingBatch whole = Batch(config, 5);
    config.batch_size = num_sequences;
    const auto trainer = Make(config, threads_);
    std::vector<graph::TrainingBatch> parts;
    const int64_t rows = num_sequences * config.model.context_length;
    for (int64_t begin = 0; begin < 12 * config.model.context_length; begin += rows) {
      graph::TrainingBatch part;
      part.tokens.assign(whole.tokens.begin() + begin, whole.tokens.begin() + begin + rows);
      part.targets.assign(whole.targets.begin() + begin, whole.targets.begin() + begin + rows);
      part.target_rows.assign(whole.target_rows.begin(), whole.target_rows.begin() + rows);
      part.sequence_lengths.assign(static_cast<size_t>(num_sequences), config.model.context_length);
      parts.push_back(std::move(part));
    }
    std::vector<double> losses;
    for (int step = 0; step < 10; ++step) losses.push_back(trainer->Step(parts).value().loss);
    if (first_losses.empty()) first_losses = losses;
    for (size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(losses[i], first_losses[i], 1e-5) << num_sequences;
  }
}

TEST_F(TrainerTest, LongGradientsAreShortened) {
  TrainingConfig config = TinyConfig();
  graph::TrainingBatch batches[] = {Batch(config, 0)};
  config.max_gradient_norm = 0;
  const auto free = Make(config, threads_);
  const double norm = free->Step(batches)->gradient_norm;
  config.max_gradient_norm = norm / 4;
  const auto clipped = Make(config, threads_);
  EXPECT_EQ(clipped->Step(batches)->gradient_norm, norm);
  // The first moment after one step is a tenth of the gradient.
  const auto entry = free->layout().entry("output_norm.weight");
  const auto at = static_cast<size_t>(entry.offset);
  EXPECT_NEAR(clipped->first_moments()[at] * 4, free->first_moments()[at], 1e-6 * std::abs(free->first_moments()[at]));
}

TEST_F(TrainerTest, StopsWhereTheLossIsNoNumber) {
  const TrainingConfig config = TinyConfig();
  const auto trainer = Make(config, threads_);
  graph::TrainingBatch batches[] = {Batch(config, 0)};
  ASSERT_TRUE(trainer->Step(batches));
  trainer->weights()[0] = std::numeric_limits<float>::infinity();
  const std::vector<float> before = Weights(*trainer);
  const auto report = trainer->Step(batches);
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message, HasSubstr("step 2: the loss is"));
  EXPECT_EQ(trainer->step(), 1);
  EXPECT_EQ(Weights(*trainer), before);
}

TEST_F(TrainerTest, AStepAllocatesNothing) {
  const TrainingConfig config = TinyConfig();
  const auto trainer = Make(config, threads_);
  for (int64_t step = 0; step < 3; ++step) {
    graph::TrainingBatch batches[] = {Batch(config, step), Batch(config, step + 20)};
    const MicroBatches all = {.count = 2, .num_targets = 64, .next = [&](int64_t index) {
                                return Result<graph::TrainingBatch>(std::move(batches[index]));
                              }};
    const int64_t before = num_allocations.load();
    const auto report = trainer->Step(all);
    const int64_t num_in_step = num_allocations.load() - before;
    if (step > 0) {  // in the first one the executor learns how long sequences are
      EXPECT_EQ(num_in_step, 0) << "step " << step;
    }
    EXPECT_EQ(report->num_targets, 64);
  }
}

TEST_F(TrainerTest, AMicroBatchThatCannotBeReadLeavesTheWeights) {
  const TrainingConfig config = TinyConfig();
  const auto trainer = Make(config, threads_), other = Make(config, threads_);
  const std::vector<float> before = Weights(*trainer);
  const auto report =
      trainer->Step({.count = 2, .num_targets = 64, .next = [&](int64_t index) -> Result<graph::TrainingBatch> {
                       if (index == 1) return MakeError(ErrorCode::kIo, "the disk is gone");
                       return Batch(config, 0);
                     }});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().message, "the disk is gone");
  EXPECT_EQ(Weights(*trainer), before);
  EXPECT_EQ(trainer->step(), 0);
  // Nor do the gradients of the first one stay.
  graph::TrainingBatch batches[] = {Batch(config, 5)};
  EXPECT_EQ(trainer->Step(batches)->gradient_norm, other->Step(batches)->gradient_norm);
}

TEST_F(TrainerTest, TakesTheMemoryThatWasForetold) {
  for (const char* architecture : {"llama", "gpt2"}) {
    TrainingConfig config;
    config.model = {.architecture = architecture,
                    .num_layers = 3,
                    .hidden_size = 64,
                    .num_heads = 4,
                    .context_length = 64,
                    .vocab_size = 300};
    config = Resolve(config).value();
    const MemoryAccount foretold = AccountMemory(config);
    const MemoryAccount taken = Make(config, threads_)->allocated();
    const auto expect_near = [](size_t a, size_t b) {
      EXPECT_NEAR(static_cast<double>(a), static_cast<double>(b), 0.05 * static_cast<double>(b));
    };
    expect_near(foretold.weight_bytes, taken.weight_bytes);
    expect_near(foretold.moment_bytes, taken.moment_bytes);
    expect_near(foretold.activation_bytes, taken.activation_bytes);
    expect_near(foretold.total(), taken.total());
  }
}

// What is really in memory after a step: large enough that what the process has besides does not count.
TEST_F(TrainerTest, AStepTouchesNoMoreMemoryThanForetold) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory counts, too";
#endif
  TrainingConfig config;
  config.model = {.num_layers = 4, .hidden_size = 320, .num_heads = 5, .context_length = 256, .vocab_size = 1024};
  config.batch_size = 8;
  config = Resolve(config).value();
  const size_t foretold = AccountMemory(config).total();
  ASSERT_GT(foretold, size_t{100} << 20);
  const size_t before = platform::ResidentMemoryOfProcess().now_bytes;
  const auto trainer = Make(config, threads_);
  graph::TrainingBatch batches[] = {Batch(config, 0)};
  ASSERT_TRUE(trainer->Step(batches));
  const size_t after = platform::ResidentMemoryOfProcess().now_bytes;
  // Less is right, too: what was freed before is used again.
  EXPECT_LE(static_cast<double>(after) - static_cast<double>(before), 1.05 * static_cast<double>(foretold));
}

// Steps with dropout, a second term of the loss and all ways of recomputation: the same bits in all three ways, and on
// any number of threads; other bits for another seed.
TEST_F(TrainerTest, DropoutAndRecomputationAreReproducible) {
  TrainingConfig config = TinyConfig();
  config.model.dropout = 0.1;
  config.z_loss = 1e-3;
  const auto run = [&](platform::ThreadPool& threads) {
    const auto trainer = Make(config, threads);
    for (int64_t step = 0; step < 4; ++step) {
      graph::TrainingBatch batches[] = {Batch(config, step), Batch(config, step + 20)};
      EXPECT_TRUE(trainer->Step(batches));
    }
    return Weights(*trainer);
  };
  platform::ThreadPool one(1);
  const std::vector<float> weights = run(threads_);
  for (const char* policy : {"selective", "full"}) {
    config.recompute = policy;
    EXPECT_EQ(run(one), weights) << policy;
  }
  config.model.dropout = 0;
  EXPECT_NE(run(one), weights);
}

TEST_F(TrainerTest, WhatIsMeasuredHasNoZLoss) {
  TrainingConfig config = TinyConfig();
  const graph::TrainingBatch batch = Batch(config, 0);
  const double plain = Make(config, threads_)->Evaluate(batch);
  config.z_loss = 0.5;
  const auto trainer = Make(config, threads_);
  EXPECT_EQ(trainer->Evaluate(batch), plain);
  graph::TrainingBatch batches[] = {batch};
  EXPECT_GT(trainer->Step(batches)->loss * 32, plain + 32 * 0.5 * std::log(50.0));
}

}  // namespace
}  // namespace tenfold::training
