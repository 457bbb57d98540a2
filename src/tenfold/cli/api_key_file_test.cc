#include "tenfold/cli/api_key_file.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ApiKeyFileTest : public testing::Test {
 protected:
  Result<std::vector<std::string>> Read(std::string_view text) {
    std::ofstream(path_, std::ios::binary) << text;
    return ReadApiKeys(path_);
  }
  const std::string path_ = fmt::format("{}tenfold_api_keys_{}", testing::TempDir(), getpid());
};

TEST_F(ApiKeyFileTest, TakesOneKeyALine) {
  EXPECT_THAT(*Read("# of the team\nfirst-key\n\n  second \t\r\n#no\nthird#3"),
              ElementsAre("first-key", "second", "third#3"));
  EXPECT_THAT(*Read("one"), ElementsAre("one"));
}

TEST_F(ApiKeyFileTest, SaysWhatIsWrongAndNoKey) {
  for (const auto& [text, words] :
       {std::pair{"first\nse cret\n", "line 2: a key may"}, std::pair{"secr\x01t", "line 1: a key may"},
        std::pair{"secr\xc3\xa9t", "line 1: a key may"}, std::pair{"# secret\n\n", "there is no key"},
        std::pair{"", "there is no key"}}) {
    const auto keys = Read(text);
    ASSERT_FALSE(keys.has_value()) << text;
    EXPECT_EQ(keys.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(keys.error().message, AllOf(HasSubstr(path_), HasSubstr(words), Not(HasSubstr("cret")))) << text;
  }
  EXPECT_EQ(ReadApiKeys(path_ + ".none").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tenfold::cli
