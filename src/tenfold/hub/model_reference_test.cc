#include "tenfold/hub/model_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/hub/relative_path.h"

namespace tenfold::hub {
namespace {

TEST(ModelReference, IsReadInItsParts) {
  struct Case {
    std::string_view text;
    std::string_view repository, revision, selector, name;
  };
  const Case cases[] = {
      {"hf:org/repo", "org/repo", "main", "", "hf:org/repo"},
      {"hf:org/repo:Q8_0", "org/repo", "main", "Q8_0", "hf:org/repo"},
      {"hf:org/repo:sub/a@b.gguf", "org/repo", "main", "sub/a@b.gguf", "hf:org/repo"},
      {"hf:org/repo@v1.0", "org/repo", "v1.0", "", "hf:org/repo@v1.0"},
      {"hf:org/repo@refs/pr/1:model.gguf", "org/repo", "refs/pr/1", "model.gguf", "hf:org/repo@refs/pr/1"},
      {"hf:a/Llama-3.2_1B-GGUF", "a/Llama-3.2_1B-GGUF", "main", "", "hf:a/Llama-3.2_1B-GGUF"},
  };
  for (const Case& expected : cases) {
    const auto reference = ParseModelReference(expected.text);
    ASSERT_TRUE(reference.has_value()) << expected.text;
    EXPECT_EQ(reference->repository, expected.repository) << expected.text;
    EXPECT_EQ(reference->revision, expected.revision) << expected.text;
    EXPECT_EQ(reference->selector, expected.selector) << expected.text;
    EXPECT_EQ(reference->name(), expected.name) << expected.text;
  }
}

TEST(ModelReference, RefusesWhatNamesNoRepository) {
  for (const std::string_view text : {"",
                                      "org/repo",
                                      "hf:",
                                      "hf:repo",
                                      "hf:/repo",
                                      "hf:org/",
                                      "hf:org/a/b",
                                      "hf:../repo",
                                      "hf:org/..",
                                      "hf:org/.repo",
                                      "hf:o--g/repo",
                                      "hf:org/re po",
                                      "hf:org/repo:",
                                      "hf:org/repo@",
                                      "hf:org/repo@../x",
                                      "hf:org/repo@/x",
                                      "hf:org/repo:../x.gguf",
                                      "hf:org/repo:/etc/x.gguf",
                                      "hf:org/repo?x",
                                      "hf:org/repo%2f"}) {
    const auto reference = ParseModelReference(text);
    ASSERT_FALSE(reference.has_value()) << text;
    EXPECT_THAT(reference.error().message, testing::HasSubstr("hf:org/repo:Q4_K_M")) << text;
  }
}

TEST(ModelReference, CommitsAreFortyHexadecimalDigits) {
  EXPECT_TRUE(IsCommit("0123456789abcdef0123456789abcdef01234567"));
  for (const std::string_view revision : {"", "main", "0123456789abcdef", "0123456789ABCDEF0123456789abcdef01234567",
                                          "0123456789abcdef0123456789abcdef012345678"}) {
    EXPECT_FALSE(IsCommit(revision)) << revision;
  }
}

TEST(RelativePath, NeverLeavesItsFolder) {
  for (const std::string_view path : {"a", "a/b.gguf", "a b", "..a/b..", ".hidden", "\xc3\xa9"}) {
    EXPECT_TRUE(IsSafeRelativePath(path)) << path;
  }
  for (const std::string_view path :
       {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/../b", "a/./b", "a\\b", "..\\a", "a\nb", "\x7f"}) {
    EXPECT_FALSE(IsSafeRelativePath(path)) << path;
  }
  EXPECT_FALSE(IsSafeRelativePath(std::string_view("a\0b", 3)));
  EXPECT_FALSE(IsSafeRelativePath(std::string(1025, 'a')));
}

}  // namespace
}  // namespace tenfold::hub
