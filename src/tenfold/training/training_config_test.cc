#include "tenfold/training/training_config.h"

#include <functional>
#include <limits>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/training/step_cost.h"
#include "tenfold/training/training_keys.h"

namespace tenfold::training {
namespace {

using testing::HasSubstr;

TEST(TrainingConfigTest, ChoosesWhatIsLeftOpen) {
  TrainingConfig config;
  config.model.hidden_size = 288;
  config.model.num_heads = 6;
  config.schedule = "warmup-stable-decay";
  config.num_steps = 500;
  const TrainingConfig resolved = Resolve(config).value();
  EXPECT_EQ(resolved.model.head_dim, 48);
  EXPECT_EQ(resolved.model.num_kv_heads, 6);
  EXPECT_EQ(resolved.model.ffn_size, 768);
  EXPECT_EQ(resolved.num_decay_steps, 100);
  EXPECT_EQ(resolved.num_warmup_steps, 50);
  EXPECT_DOUBLE_EQ(resolved.final_learning_rate, 1e-4);

  config.model.architecture = "gpt2";
  config.model.hidden_size = 128;
  config.model.num_heads = 4;
  EXPECT_EQ(Resolve(config).value().model.ffn_size, 512);
}

TEST(TrainingConfigTest, TheFinalRateFollowsTheRate) {
  TrainingConfig config;
  config.learning_rate = 5e-5;
  EXPECT_DOUBLE_EQ(Resolve(config).value().final_learning_rate, 5e-6);
  config.final_learning_rate = 0;
  EXPECT_EQ(Resolve(config).value().final_learning_rate, 0);
  // A constant rate has no end.
  config.final_learning_rate = 1e-4;
  EXPECT_FALSE(Resolve(config));
  config.schedule = "constant";
  EXPECT_TRUE(Resolve(config));
  config.num_decay_steps = config.num_steps + 1;  // nor does it fall
  EXPECT_TRUE(Resolve(config));
}

TEST(TrainingConfigTest, RefusesWhatHasNoMeaning) {
  const struct {
    std::function<void(TrainingConfig&)> change;
    const char* says;
  } cases[] = {
      {[](auto& c) { c.model.architecture = "bert"; }, "architecture is \"bert\"; it must be one of: llama, gpt2"},
      {[](auto& c) { c.model.num_heads = 0; }, "heads is 0"},
      {[](auto& c) { c.model.num_heads = 7; }, "hidden-size is 288, which 7 heads do not share"},
      {[](auto& c) { c.model.num_kv_heads = 4; }, "kv-heads is 4; 6 heads cannot"},
      {[](auto& c) { c.model.head_dim = 47; }, "head-dim is 47"},
      {[](auto& c) { c.model.has_biases = true; }, "biases is true"},
      {[](auto& c) { c.model.context_length = 1; }, "context-length is 1; it must lie in 2.."},
      {[](auto& c) { c.model = {.architecture = "gpt2", .hidden_size = 32, .num_heads = 2, .head_dim = 24}; },
       "head-dim is 24; the architecture gpt2 needs hidden-size / heads, 32 / 2"},
      {[](auto& c) { c.num_warmup_steps = 2000; }, "warmup-steps is 2000; it must lie in 0..1000"},
      {[](auto& c) { c.batch_size = c.model.context_length = 1 << 13; },
       "batch-size times context-length is 67108864; it must lie in 1..16777216"},
      {[](auto& c) {
         c.schedule = "warmup-stable-decay";
         c.num_decay_steps = 1001;
       },
       "decay-steps is 1001; it must lie in 0..1000"},
      {[](auto& c) { c.final_learning_rate = 1; }, "final-learning-rate is 1; it must lie in 0..0.001"},
      {[](auto& c) { c.final_learning_rate = -2; }, "final-learning-rate is -2"},
      {[](auto& c) { c.learning_rate = std::numeric_limits<double>::quiet_NaN(); }, "learning-rate is nan"},
      {[](auto& c) { c.schedule = "linear"; }, "schedule is \"linear\""},
      {[](auto& c) { c.precision = "f16"; }, "precision is \"f16\""},
      {[](auto& c) { c.num_kept_checkpoints = 0; }, "kept-checkpoints is 0"},
  };
  for (const auto& each : cases) {
    TrainingConfig config;
    each.change(config);
    const auto resolved = Resolve(config);
    ASSERT_FALSE(resolved) << each.says;
    EXPECT_EQ(resolved.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(resolved.error().message, HasSubstr(each.says));
  }
}

TEST(TrainingConfigTest, SaysWhatARunCannotChange) {
  const TrainingConfig begun = Resolve({}).value();
  TrainingConfig config = begun;
  config.num_steps = 2000;
  config.learning_rate = 1e-4;
  config.batch_size = 3;
  EXPECT_TRUE(CheckContinues(begun, config));
  config.seed = 9;
  EXPECT_EQ(CheckContinues(begun, config).error().message, "seed is 9; the run was begun with 1, which stays");
  config.model.vocab_size = 300;
  EXPECT_THAT(CheckContinues(begun, config).error().message,
              HasSubstr("vocab-size is 300; the run was begun with 4096"));
  config.vocabulary = "characters";
  EXPECT_THAT(CheckContinues(begun, config).error().message, HasSubstr("vocabulary is \"characters\""));
}

TEST(TrainingConfigTest, KeysAreUniqueAndWrittenAsToml) {
  TrainingConfig config;
  config.train_files = {"a, b.txt", "c.txt"};
  config.sample_prompt = "He said \"no\" # twice\n";
  config.learning_rate = 0.1;
  std::set<std::string> keys;
  ForEachKey(config, [&](const char*, const char* key, const auto&, const char* description) {
    EXPECT_TRUE(keys.insert(key).second) << key;
    EXPECT_STRNE(description, "") << key;
  });
  const std::string toml = ToToml(config);
  for (const std::string& key : keys) EXPECT_THAT("\n" + toml, HasSubstr("\n" + key + " = "));
  EXPECT_THAT(toml, HasSubstr("train-files = [\"a, b.txt\", \"c.txt\"]\n"));
  EXPECT_THAT(toml, HasSubstr("sample-prompt = \"He said \\\"no\\\" # twice\\n\"\n"));
  EXPECT_THAT(toml, HasSubstr("\nlearning-rate = 0.1\n"));
}

// nanoGPT's configuration for processors: by its own formula, 6 operations for each weight of a product and 12 times
// layers, width and context for attention, half of which causal attention leaves out.
TEST(StepCostTest, CountsProductsAndAttention) {
  TrainingConfig config;
  config.model = {.architecture = "gpt2",
                  .num_layers = 4,
                  .hidden_size = 128,
                  .num_heads = 4,
                  .context_length = 64,
                  .vocab_size = 65};
  config.batch_size = 6;
  config.num_micro_batches = 2;
  config = Resolve(config).value();
  const double weights = 4 * 12 * 128 * 128 + 65 * 128;
  const double attention = 12 * 4 * 128 * 65 / 2.0;
  EXPECT_DOUBLE_EQ(OperationsPerStep(config), 12 * 64 * (6 * weights + attention));
}

}  // namespace
}  // namespace tenfold::training
