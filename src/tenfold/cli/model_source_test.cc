#include "tenfold/cli/model_source.h"

#include <gtest/gtest.h>

namespace tenfold::cli {
namespace {

TEST(ModelSource, NamesAModelAfterItsFileOrItsRepository) {
  const std::pair<std::string, std::string> cases[] = {
      {"/models/tiny.gguf", "tiny"},
      {"/models/tiny-1.1", "tiny-1.1"},
      {"/models/tiny/", "tiny"},
      {"", "storyteller"},
      {"org/repo", "repo"},
      {"hf:org/repo", "org/repo"},
      {"hf:org/repo@v1:tiny-Q8_0.gguf", "org/repo"},
  };
  for (const auto& [model, name] : cases) EXPECT_EQ(ModelName(model), name) << model;
}

TEST(ModelSource, LeavesPathsAsTheyAre) {
  EXPECT_EQ(LocalModel("some/model.gguf").value(), "some/model.gguf");
}

}  // namespace
}  // namespace tenfold::cli
