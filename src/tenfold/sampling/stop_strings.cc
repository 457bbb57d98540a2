#include "tenfold/sampling/stop_strings.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::sampling {

StopStringMatcher::Pattern::Pattern(std::string_view stop_string) : text(stop_string), fallback{0, 0} {
  CHECK(!stop_string.empty());
  // The fallbacks of a pattern are the matches of the pattern with itself, one byte later.
  for (size_t i = 1; i < text.size(); ++i) {
    Advance(text[i]);
    fallback.push_back(matched);
  }
  matched = 0;
}

void StopStringMatcher::Pattern::Advance(char byte) {
  while (matched > 0 && text[matched] != byte) matched = fallback[matched];
  if (text[matched] == byte) ++matched;
}

StopStringMatcher::StopStringMatcher(const std::vector<std::string>& stop_strings, bool include_stop)
    : patterns_(stop_strings.begin(), stop_strings.end()), include_stop_(include_stop) {}

StopStringMatcher::Output StopStringMatcher::Feed(std::string_view piece) {
  if (stopped_) return {};
  std::string text = std::exchange(held_, {});
  for (const char byte : piece) {
    text += byte;
    std::optional<size_t> complete;
    for (size_t i = 0; i < patterns_.size(); ++i) {
      patterns_[i].Advance(byte);
      const size_t length = patterns_[i].text.size();
      if (patterns_[i].matched == length && (!complete || length > patterns_[*complete].text.size())) complete = i;
    }
    if (complete) {
      stopped_ = true;
      if (!include_stop_) text.resize(text.size() - patterns_[*complete].text.size());
      return {std::move(text), complete};
    }
  }
  if (!include_stop_) {
    uint32_t num_held = 0;
    for (const Pattern& pattern : patterns_) num_held = std::max(num_held, pattern.matched);
    held_ = text.substr(text.size() - num_held);
    text.resize(text.size() - num_held);
  }
  return {std::move(text), std::nullopt};
}

std::string StopStringMatcher::Flush() {
  return std::exchange(held_, {});
}

}  // namespace tenfold::sampling
