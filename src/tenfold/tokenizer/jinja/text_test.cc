#include "tenfold/tokenizer/jinja/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/tokenizer/jinja/text_functions.h"
#include "tenfold/tokenizer/jinja/workspace.h"

namespace tenfold::tokenizer::jinja {
namespace {

using testing::ElementsAre;

PromptSegment Input(const char* text) {
  return {text, false};
}
PromptSegment Own(const char* text) {
  return {text, true};
}

// "ab" of the template, "cd" of the input, "ef" of the template.
Text Mixed() {
  Text text("ab");
  text.Append("cd", true);
  text.Append("ef", false);
  return text;
}

TEST(Text, IsCutIntoSegmentsAtTheBordersOfInput) {
  EXPECT_THAT(Mixed().Segments(), ElementsAre(Own("ab"), Input("cd"), Own("ef")));
  EXPECT_THAT(Text().Segments(), ElementsAre());
  EXPECT_THAT(Text("x", true).Segments(), ElementsAre(Input("x")));
}

TEST(Text, JoinsNeighboursOfOneKind) {
  Text text("a", true);
  text.Append("b", true);
  text.Append(Text("c", true));
  text.Append("", false);
  text.Append("d", true);
  EXPECT_THAT(text.Segments(), ElementsAre(Input("abcd")));
}

TEST(Text, KeepsOriginsInEverySlice) {
  const Text text = Mixed();
  for (size_t begin = 0; begin <= text.size_bytes(); ++begin) {
    for (size_t end = begin; end <= text.size_bytes(); ++end) {
      const Text slice = text.Slice(begin, end);
      EXPECT_EQ(slice.view(), text.view().substr(begin, end - begin));
      for (size_t i = begin; i < end; ++i) EXPECT_EQ(slice.IsInput(i - begin), text.IsInput(i)) << begin << " " << i;
    }
  }
}

TEST(TextFunctions, KeepOrigins) {
  Workspace workspace({});
  const Text text = Mixed();
  EXPECT_THAT(ToUpperCase(text).Segments(), ElementsAre(Own("AB"), Input("CD"), Own("EF")));
  const Text ends("af");
  EXPECT_THAT(Trim(workspace, text, Side::kBoth, &ends)->Segments(), ElementsAre(Own("b"), Input("cd"), Own("e")));
  EXPECT_THAT(Replace(workspace, text, Text("bc"), Text("-"), -1)->Segments(),
              ElementsAre(Own("a-"), Input("d"), Own("ef")));
  EXPECT_THAT(Replace(workspace, text, Text("b"), Text("!", true), -1)->Segments(),
              ElementsAre(Own("a"), Input("!cd"), Own("ef")));
  const Text separator("d");
  const auto parts = Split(workspace, text, &separator, -1, false);
  ASSERT_TRUE(parts);
  EXPECT_THAT((*parts)[0].Segments(), ElementsAre(Own("ab"), Input("c")));
  EXPECT_THAT((*parts)[1].Segments(), ElementsAre(Own("ef")));
}

}  // namespace
}  // namespace tenfold::tokenizer::jinja
