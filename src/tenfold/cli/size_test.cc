#include "tenfold/cli/size.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::cli {
namespace {

TEST(Size, IsReadWithItsUnit) {
  const std::pair<std::string_view, size_t> cases[] = {
      {"0", 0},
      {"4096", 4096},
      {"1K", 1024},
      {"512M", size_t{512} << 20},
      {"4g", size_t{4} << 30},
      {"4GiB", size_t{4} << 30},
      {"4GB", size_t{4} << 30},
      {"1.5G", size_t{3} << 29},
      {"2T", size_t{2} << 40},
  };
  for (const auto& [text, bytes] : cases) EXPECT_EQ(ParseSize(text).value(), bytes) << text;
}

TEST(Size, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", "G", "4X", "4 G", "-1", "1e3", "nan", "inf", "4GiBs", "4Mib", "99999999999T", "0x10"}) {
    const auto size = ParseSize(text);
    ASSERT_FALSE(size.has_value()) << text;
    EXPECT_THAT(size.error().message, testing::HasSubstr("is not a size")) << text;
  }
}

}  // namespace
}  // namespace tenfold::cli
