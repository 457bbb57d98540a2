#include "tenfold/bench/answer_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::bench {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(AnswerReader, TimesChunksWithText) {
  AnswerReader reader;
  EXPECT_EQ(reader.Feed("data: {\"choices\": [{\"text\": \"\"}]}\n\n", 1), "");
  EXPECT_FALSE(reader.has_text());
  EXPECT_EQ(reader.Feed("data: {\"choices\": [{\"text\": \"a\", \"token_ids\": [5, 6]}]}\n\n", 2), "");
  EXPECT_EQ(reader.Feed("data: {\"choices\": [{\"delta\": {\"content\": \"b\"}}]}\n\ndata: {\"choi", 2.5), "");
  EXPECT_EQ(reader.Feed("ces\": [{\"text\": \"c\", \"token_ids\": [7]}]}\n\n", 4), "");
  EXPECT_EQ(reader.Feed("data: {\"choices\": [{\"text\": \"\", \"finish_reason\": \"length\"}]}\n\n", 5), "");
  EXPECT_FALSE(reader.is_complete());
  EXPECT_EQ(reader.Feed("data: [DONE]\n\n", 6), "");
  EXPECT_TRUE(reader.is_complete());
  EXPECT_EQ(reader.first_text_s(), 2);
  EXPECT_THAT(reader.gaps_s(), ElementsAre(DoubleEq(0.5), DoubleEq(1.5)));
  EXPECT_THAT(reader.tokens(), ElementsAre(5, 6, 7));
  EXPECT_EQ(reader.num_output_tokens(), 3) << "chunks, for want of a count";
  EXPECT_EQ(reader.num_prompt_tokens(), -1);
}

TEST(AnswerReader, TakesTheServersCounts) {
  AnswerReader reader;
  reader.Feed("data: {\"choices\": [{\"text\": \"a\"}], \"usage\": null}\n\n", 1);
  reader.Feed(
      "data: {\"choices\": [], \"usage\": {\"prompt_tokens\": 9, \"completion_tokens\": 4, \"prompt_tokens_details\": "
      "{\"cached_tokens\": 8}}}\n\n",
      1);
  EXPECT_EQ(reader.num_prompt_tokens(), 9);
  EXPECT_EQ(reader.num_output_tokens(), 4);
  EXPECT_EQ(reader.num_cached_tokens(), 8);
}

TEST(AnswerReader, SaysWhatIsWrong) {
  EXPECT_THAT(AnswerReader().Feed("data: {\"error\": {\"message\": \"no pages\"}}\n\n", 1), HasSubstr("no pages"));
  EXPECT_THAT(AnswerReader().Feed("data: <html>\n\n", 1), HasSubstr("not valid JSON"));
  EXPECT_THAT(AnswerReader().Feed("data: 5\n\n", 1), HasSubstr("no JSON object: 5"));
  EXPECT_EQ(AnswerReader().Feed("data: {\"error\": null, \"choices\": []}\n\n", 1), "");
  EXPECT_EQ(AnswerReader().Feed("data: {\"choices\": 5, \"usage\": []}\n\ndata: {\"choices\": [7]}\n\n", 1), "");
}

}  // namespace
}  // namespace tenfold::bench
