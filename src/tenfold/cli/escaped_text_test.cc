#include "tenfold/cli/escaped_text.h"

#include <gtest/gtest.h>

namespace tenfold::cli {
namespace {

TEST(EscapedText, ShowsWhatATerminalWouldNot) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {" plain", " plain"},
      {"Zürich 東京 🎈", "Zürich 東京 🎈"},
      {"a\nb\tc\rd", R"(a\nb\tc\rd)"},
      {R"(\n)", R"(\\n)"},
      {"\x1b[31m\x7f", R"(\x1B[31m\x7F)"},
      {"\u0085", R"(\xC2\x85)"},    // a control character beyond ASCII
      {"\xe6\x9d", R"(\xE6\x9D)"},  // the beginning of a character
      {"\xff"
       "a",
       R"(\xFFa)"},
  };
  for (const auto& [bytes, shown] : cases) EXPECT_EQ(EscapedText(bytes), shown);
}

}  // namespace
}  // namespace tenfold::cli
