#include "tenfold/bench/sse_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::bench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SseReader, ReadsEventsAtEveryCut) {
  constexpr std::string_view kStream =
      ": welcome\r\n\r\ndata: {\"a\": 1}\n\nevent: x\ndata:first\r\ndata:  second\r\nid: 7\r\n\r\ndata\n\ndata: "
      "[DONE]\r\r";
  for (size_t cut = 0; cut <= kStream.size(); ++cut) {
    SseReader reader;
    std::vector<std::string> events = reader.Feed(kStream.substr(0, cut));
    for (std::string& event : reader.Feed(kStream.substr(cut))) events.push_back(std::move(event));
    EXPECT_THAT(events, ElementsAre("{\"a\": 1}", "first\n second", "[DONE]")) << cut;
  }
}

TEST(SseReader, GivesAnEventOnlyWhenItIsComplete) {
  SseReader reader;
  EXPECT_THAT(reader.Feed("data: a\n"), IsEmpty());
  EXPECT_THAT(reader.Feed("\n"), ElementsAre("a"));
  EXPECT_THAT(reader.Feed("\n\n"), IsEmpty());
}

}  // namespace
}  // namespace tenfold::bench
