#include "tenfold/hub/file_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::hub {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Paths = std::vector<std::string>;

const Paths kQuantized = {"README.md",         "config.json",       "mmproj-model-Q8_0.gguf", "model.imatrix.gguf",
                          "model-Q4_K_M.gguf", "model-Q4_K_S.gguf", "model-Q8_0.gguf",        "model-UD-Q6_K_XL.gguf",
                          "model-BF16.gguf",   "model-IQ4_NL.gguf"};

TEST(FileChoice, OfGgufFiles) {
  struct Case {
    Paths paths;
    std::string_view selector;
    std::string_view chosen;
  };
  const Paths split = {"Q8_0/m-Q8_0-00001-of-00002.gguf", "Q8_0/m-Q8_0-00002-of-00002.gguf", "m-Q8_0.gguf"};
  const Case cases[] = {
      {kQuantized, "", "model-Q4_K_M.gguf"},
      {kQuantized, "model-Q8_0.gguf", "model-Q8_0.gguf"},
      {kQuantized, "mmproj-model-Q8_0.gguf", "mmproj-model-Q8_0.gguf"},  // who names it gets it
      {kQuantized, "Q8_0", "model-Q8_0.gguf"},
      {kQuantized, "q4_k_s", "model-Q4_K_S.gguf"},
      {kQuantized, "Q6_K_XL", "model-UD-Q6_K_XL.gguf"},
      {kQuantized, "UD-Q6_K_XL", "model-UD-Q6_K_XL.gguf"},
      {kQuantized, "bf16", "model-BF16.gguf"},
      {{"only.gguf"}, "", "only.gguf"},
      {{"only.gguf", "mmproj-f16.gguf"}, "", "only.gguf"},
      {{"ONLY.GGUF"}, "", "ONLY.GGUF"},
      {{"a.Q8_0.gguf", "a.Q5_K_M.gguf"}, "", "a.Q8_0.gguf"},
      {{"sub/tiny_q8_0.gguf", "tiny_q4_0.gguf"}, "Q8_0", "sub/tiny_q8_0.gguf"},
      {split, "Q8_0", "m-Q8_0.gguf"},
      {{"config.json", "other.safetensors", "a.gguf"}, "", "a.gguf"},
      {{"config.json", "model.safetensors", "a.gguf"}, "", "a.gguf"},  // no tokenizer.json
  };
  for (const Case& expected : cases) {
    const auto choice = ChooseFiles(expected.paths, expected.selector, "hf:org/repo");
    ASSERT_TRUE(choice.has_value()) << expected.selector << ": " << choice.error().message;
    EXPECT_TRUE(choice->is_gguf);
    EXPECT_THAT(choice->files, ElementsAre(expected.chosen)) << expected.selector;
    EXPECT_FALSE(choice->has_shards);
  }
}

TEST(FileChoice, OfSafetensors) {
  const auto single =
      ChooseFiles({".gitattributes", "README.md", "chat_template.jinja", "config.json", "model.safetensors",
                   "model.safetensors.index.json", "pytorch_model.bin", "special_tokens_map.json", "tokenizer.json",
                   "tokenizer.model", "tokenizer_config.json", "model.gguf"},
                  "", "hf:org/repo");
  ASSERT_TRUE(single.has_value()) << single.error().message;
  EXPECT_FALSE(single->is_gguf);
  EXPECT_THAT(single->files, ElementsAre("config.json", "tokenizer.json", "tokenizer_config.json",
                                         "special_tokens_map.json", "chat_template.jinja", "model.safetensors"));
  EXPECT_FALSE(single->has_shards);

  const auto sharded =
      ChooseFiles({"config.json", "generation_config.json", "model-00001-of-00002.safetensors",
                   "model-00002-of-00002.safetensors", "model.safetensors.index.json", "tokenizer.json"},
                  "", "hf:org/repo");
  ASSERT_TRUE(sharded.has_value()) << sharded.error().message;
  EXPECT_THAT(sharded->files,
              ElementsAre("config.json", "tokenizer.json", "generation_config.json", "model.safetensors.index.json"));
  EXPECT_TRUE(sharded->has_shards);
}

TEST(FileChoice, RefusesWithWhatThereIs) {
  struct Case {
    Paths paths;
    std::string_view selector;
    ErrorCode code;
    std::vector<std::string> says;
  };
  const Case cases[] = {
      {kQuantized, "absent.gguf", ErrorCode::kNotFound, {"\"absent.gguf\"", "model-Q8_0.gguf"}},
      {kQuantized, "Q3_K", ErrorCode::kNotFound, {"\"Q3_K\"", "model-Q8_0.gguf"}},
      {kQuantized, "Q4_K", ErrorCode::kNotFound, {"\"Q4_K\"", "model-Q4_K_M.gguf"}},  // part of a token
      {kQuantized, "F16", ErrorCode::kNotFound, {"model-BF16.gguf"}},
      {kQuantized, "Q4_NL", ErrorCode::kNotFound, {"model-IQ4_NL.gguf"}},
      {kQuantized, "K_M", ErrorCode::kNotFound, {"\"K_M\""}},
      {kQuantized, "0", ErrorCode::kNotFound, {"\"0\""}},
      {{"a-Q8_0.gguf", "b-Q8_0.gguf"}, "Q8_0", ErrorCode::kInvalidArgument, {"a-Q8_0.gguf, b-Q8_0.gguf"}},
      {{"a-Q5_K_M.gguf", "a-Q6_K.gguf"}, "", ErrorCode::kInvalidArgument, {"a-Q5_K_M.gguf, a-Q6_K.gguf"}},
      {{"a-00001-of-00002.gguf", "a-00002-of-00002.gguf"}, "a-00001-of-00002.gguf", ErrorCode::kUnsupported, {"merge"}},
      {{"a-Q8_0-00001-of-00002.gguf", "a-Q8_0-00002-of-00002.gguf"}, "Q8_0", ErrorCode::kUnsupported, {"merge"}},
      {{"README.md"}, "x.gguf", ErrorCode::kNotFound, {"nor any other GGUF"}},
      {{"README.md"}, "Q8_0", ErrorCode::kNotFound, {"no GGUF file"}},
      {{"README.md", "pytorch_model.bin"}, "", ErrorCode::kNotFound, {"it has: README.md, pytorch_model.bin"}},
      {{}, "", ErrorCode::kNotFound, {"it has: nothing"}},
      {{"mmproj.gguf"}, "", ErrorCode::kNotFound, {"no model"}},
      {{"model.safetensors"}, "", ErrorCode::kNotFound, {"config.json"}},
      {{"config.json", "model.safetensors"}, "", ErrorCode::kUnsupported, {"tokenizer.json"}},
  };
  for (const Case& expected : cases) {
    const auto choice = ChooseFiles(expected.paths, expected.selector, "hf:org/repo");
    ASSERT_FALSE(choice.has_value()) << expected.selector;
    EXPECT_EQ(choice.error().code, expected.code) << choice.error().message;
    EXPECT_THAT(choice.error().message, testing::StartsWith("hf:org/repo: "));
    for (const std::string& part : expected.says) EXPECT_THAT(choice.error().message, HasSubstr(part));
  }
  const Paths many(50, "part-Q8_0.gguf");
  EXPECT_THAT(ChooseFiles(many, "", "hf:org/repo").error().message, testing::EndsWith("and 30 more"));
}

}  // namespace
}  // namespace tenfold::hub
