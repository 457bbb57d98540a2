// Ends a text at a stop string, while it streams.
//
// Text goes in piece by piece; what comes out can be shown at once. The longest end of the text that could be the
// beginning of a stop string is held back, so that no part of a stop string is ever shown, however the text is cut. The
// outcome does not depend on the cuts.
//
// The first stop string that is complete wins, because generation should end there and then; of several that are
// complete at the same byte the longest, which starts first. Works on bytes: where pieces and stop strings are whole
// UTF-8 characters, so is what comes out. Belongs to one sequence. Cost: one Knuth-Morris-Pratt step per byte and stop
// string, memory proportional to the stop strings.
//
// min_tokens: text before it is none of the matcher's business; the engine shows it without passing it through here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenfold::sampling {

class StopStringMatcher {
 public:
  struct Output {
    std::string text;                   // can be shown now
    std::optional<size_t> stop_string;  // index of the stop string that ended the text
  };

  // The stop strings are not empty. With `include_stop` the text ends with the stop string instead of before it, so
  // nothing has to be held back.
  StopStringMatcher(const std::vector<std::string>& stop_strings, bool include_stop);

  // Continues the text. After a stop string, whatever is fed vanishes.
  Output Feed(std::string_view piece);

  // The text ends here for another reason: returns what was held back.
  std::string Flush();

 private:
  struct Pattern {
    std::string text;
    std::vector<uint32_t> fallback;  // of the first i bytes: length of the longest proper prefix that is also a suffix
    uint32_t matched = 0;            // bytes of `text` that the fed text ends with

    explicit Pattern(std::string_view stop_string);
    void Advance(char byte);
  };

  std::vector<Pattern> patterns_;
  bool include_stop_;
  bool stopped_ = false;
  std::string held_;
};

}  // namespace tenfold::sampling
