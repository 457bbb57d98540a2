#include "tenfold/formats/quoted.h"

#include <gtest/gtest.h>

namespace tenfold::formats {
namespace {

TEST(Quoted, EscapesAndCuts) {
  EXPECT_EQ(Quoted("blk.0.attn_q.weight"), "\"blk.0.attn_q.weight\"");
  EXPECT_EQ(Quoted(std::string_view("a\0\n", 3)), "\"a\\x00\\x0a\"");
  EXPECT_EQ(Quoted("\xff\xc3"), "\"\\xff\\xc3\"");  // broken UTF-8
  EXPECT_EQ(Quoted(std::string(101, 'x')), "\"" + std::string(100, 'x') + "\"...");
}

}  // namespace
}  // namespace tenfold::formats
