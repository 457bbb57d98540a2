#include "tenfold/training/config_file.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/training/training_keys.h"

namespace tenfold::training {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ConfigFileTest, SetsWhatItNames) {
  TrainingConfig config;
  const Status status = ApplyConfigText(
      "# a run\r\n"
      "layers = 4   # few\n"
      "\n"
      "learning-rate=1e-4\n"
      "steps = 2_000\n"
      "tied-head = false\n"
      "architecture = 'gpt2'\n"
      "sample-prompt = \"say \\\"#1\\\"\\n\"\n"
      "train-files = [\n  \"a b.txt\",  # the first\n  'c,d.txt',\n]\n"
      "validation-files = \"v.txt\"",
      "run.toml", config);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(config.model.num_layers, 4);
  EXPECT_EQ(config.learning_rate, 1e-4);
  EXPECT_EQ(config.num_steps, 2000);
  EXPECT_FALSE(config.model.tied_head);
  EXPECT_EQ(config.model.architecture, "gpt2");
  EXPECT_EQ(config.sample_prompt, "say \"#1\"\n");
  EXPECT_THAT(config.train_files, ElementsAre("a b.txt", "c,d.txt"));
  EXPECT_THAT(config.validation_files, ElementsAre("v.txt"));
  EXPECT_EQ(config.batch_size, TrainingConfig().batch_size);
}

TEST(ConfigFileTest, SaysWhatIsWrongAndWhere) {
  const struct {
    const char* text;
    const char* says;
  } cases[] = {
      {"\nlayer = 4", "run.toml: line 2: there is no key \"layer\""},
      {"layers = 4\nlayers = 5", "run.toml: line 2: layers stands here a second time"},
      {"layers = many", "line 1: layers is many; it must be a whole number"},
      {"layers = 4.5", "layers is 4.5; it must be a whole number"},
      {"layers = \"4\"", "layers is \"4\"; it must be a whole number"},
      {"layers = [4]", "layers is an array; it must be a whole number"},
      {"seed = -1", "seed is -1; it must be a whole number, 0 or more"},
      {"steps = 99999999999999999999", "it must be a whole number"},
      {"tied-head = yes", "tied-head is yes; it must be true or false"},
      {"schedule = cosine", "schedule is cosine; it must be a string in quotes"},
      {"train-files = [1]", "train-files is an array; it must be a string in quotes, or several in [ ]"},
      {"train-files = [\"a\"\nsteps = 1", "the values of train-files should end with `]`"},
      {"sample-prompt = \"abc\n", "a string has no end"},
      {"sample-prompt = 'abc\n'", "a string has no end"},
      {"sample-prompt = \"a\\q\"", "may escape"},
      {"layers = 4 5", "there is more after layers's value"},
      {"layers =", "a value is missing"},
      {"layers", "`=` should follow layers"},
      {"[model]\nlayers = 4", "tables are not known"},
      {"= 4", "`key = value`"},
  };
  for (const auto& each : cases) {
    TrainingConfig config;
    const Status status = ApplyConfigText(each.text, "run.toml", config);
    ASSERT_FALSE(status) << each.text;
    EXPECT_THAT(status.error().message, HasSubstr(each.says)) << each.text;
  }
}

// What a run writes into its folder repeats the run.
TEST(ConfigFileTest, ReadsWhatIsWritten) {
  TrainingConfig config;
  config.train_files = {"a, b.txt", "c'\"\\.txt"};
  config.sample_prompt = "He said \"no\" # twice\n\tand 'yes'";
  config.learning_rate = 1.0 / 3;
  config.adamw.epsilon = 1e-12;
  config.seed = ~uint64_t{0};
  config.model.tied_head = false;
  TrainingConfig read;
  const Status status = ApplyConfigText(ToToml(config), "run.toml", read);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(ToToml(read), ToToml(config));
  EXPECT_EQ(read.learning_rate, config.learning_rate);
  EXPECT_EQ(read.seed, config.seed);
  EXPECT_EQ(read.train_files, config.train_files);
  EXPECT_EQ(read.sample_prompt, config.sample_prompt);
}

}  // namespace
}  // namespace tenfold::training
