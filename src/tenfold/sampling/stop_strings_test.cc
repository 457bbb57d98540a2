#include "tenfold/sampling/stop_strings.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenfold::sampling {
namespace {

struct Case {
  std::string name;
  std::vector<std::string> stops;
  std::vector<std::string> pieces;
  std::vector<std::string> shown;  // piece by piece, and the flush
  std::optional<size_t> stop_string;
  bool include_stop = false;
};

class StopStringTest : public testing::TestWithParam<Case> {};

TEST_P(StopStringTest, ShowsPieceByPiece) {
  StopStringMatcher matcher(GetParam().stops, GetParam().include_stop);
  std::vector<std::string> shown;
  std::optional<size_t> stop_string;
  for (const std::string& piece : GetParam().pieces) {
    StopStringMatcher::Output output = matcher.Feed(piece);
    shown.push_back(output.text);
    if (output.stop_string) stop_string = output.stop_string;
  }
  shown.push_back(matcher.Flush());
  EXPECT_EQ(shown, GetParam().shown);
  EXPECT_EQ(stop_string, GetParam().stop_string);
}

INSTANTIATE_TEST_SUITE_P(
    Table, StopStringTest,
    testing::Values(Case{"NoStops", {}, {"a", "b"}, {"a", "b", ""}, {}},
                    Case{"AcrossPieces", {"END"}, {"so E", "N", "D more"}, {"so ", "", "", ""}, 0},
                    Case{"FalseAlarmIsShownWhole", {"END"}, {"E", "N", "d"}, {"", "", "ENd", ""}, {}},
                    Case{"FlushGivesTheHeldText", {"END"}, {"the EN"}, {"the ", "EN"}, {}},
                    Case{"FallsBackInsideItself", {"aab"}, {"aa", "a", "b"}, {"", "a", "", ""}, 0},
                    Case{"FirstCompleteWins", {"abcd", "bc"}, {"xabcd"}, {"xa", ""}, 1},
                    Case{"LongestOfThoseCompleteAtOnce", {"b", "ab"}, {"xab"}, {"x", ""}, 1},
                    Case{"NothingAfterTheStop", {"."}, {"a.b", "c."}, {"a", "", ""}, 0},
                    Case{"Included", {"END"}, {"E", "N", "D more"}, {"E", "N", "D", ""}, 0, true},
                    Case{"HoldsWholeCharacters",
                         {"\u00e9t\u00e9"},
                         {"\u00e0", "\u00e9", "t", "\u00e0"},
                         {"\u00e0", "", "", "\u00e9t\u00e0", ""},
                         {}}),
    [](const auto& info) { return info.param.name; });

// What the whole text shows, found the slow way.
std::string NaiveShown(const std::string& text, const std::vector<std::string>& stops, bool include_stop) {
  for (size_t end = 1; end <= text.size(); ++end) {
    const std::string prefix = text.substr(0, end);
    size_t longest = 0;
    for (const std::string& stop : stops) {
      if (prefix.ends_with(stop)) longest = std::max(longest, stop.size());
    }
    if (longest > 0) return prefix.substr(0, include_stop ? end : end - longest);
  }
  return text;
}

// How much of `text`, in which no stop string is complete, might be the beginning of one.
size_t NaiveHeld(const std::string& text, const std::vector<std::string>& stops) {
  size_t held = 0;
  for (const std::string& stop : stops) {
    for (size_t length = 1; length < stop.size(); ++length) {
      if (text.ends_with(stop.substr(0, length))) held = std::max(held, length);
    }
  }
  return held;
}

RC_GTEST_PROP(StopStringMatcher, AgreesWithASearchOfTheWholeText, ()) {
  // Two letters and short strings, so that stops overlap each other and themselves.
  const auto word = rc::gen::container<std::string>(rc::gen::element('a', 'b'));
  const auto stop_word = rc::gen::map(rc::gen::pair(word, rc::gen::element('a', 'b')),
                                      [](const auto& parts) { return parts.first.substr(0, 5) + parts.second; });
  const std::vector<std::string> stops =
      *rc::gen::resize(4, rc::gen::container<std::vector<std::string>>(rc::gen::resize(8, stop_word)));
  const std::vector<std::string> pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::resize(5, word));
  const bool include_stop = *rc::gen::arbitrary<bool>();

  StopStringMatcher matcher(stops, include_stop);
  std::string fed, shown;
  bool stopped = false;
  for (const std::string& piece : pieces) {
    fed += piece;
    const StopStringMatcher::Output output = matcher.Feed(piece);
    shown += output.text;
    if (output.stop_string) {
      RC_ASSERT(!stopped);
      RC_ASSERT(NaiveShown(fed, stops, true).ends_with(stops[*output.stop_string]));
      stopped = true;
    }
    if (!stopped) RC_ASSERT(shown == fed.substr(0, fed.size() - (include_stop ? 0 : NaiveHeld(fed, stops))));
  }
  shown += matcher.Flush();
  RC_ASSERT(shown == NaiveShown(fed, stops, include_stop));
  RC_TAG(stopped ? "stopped" : "ran through");
}

}  // namespace
}  // namespace tenfold::sampling
